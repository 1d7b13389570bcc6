"""Sessions in the database: what is stored, when they end."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from server.access import sessions
from server.access.sessions import close_other_sessions, close_session, find_session
from server.store import reading
from server.store.tables import session
from tests.server.transactions import committed

MINUTE = 60_000
open_session = committed(sessions.open_session)


def count(clinic: Any) -> int:
    with reading(clinic.engine) as db:
        return db.scalar(select(func.count()).select_from(session)) or 0


def test_only_a_hash_of_the_token_is_stored(clinic: Any) -> None:
    token = open_session(clinic.engine, clinic.people["mara"], 0, clinic.rules)
    assert len(token) >= 43
    with reading(clinic.engine) as db:
        rows = db.execute(select(session)).all()
    assert len(rows) == 1
    assert token not in repr(rows)
    person = find_session(clinic.engine, token, 1, clinic.rules)
    assert person is not None
    assert person.name == "Mara Lindqvist"


def test_a_session_ends_when_it_is_not_used(clinic: Any) -> None:
    rules = clinic.rules
    token = open_session(clinic.engine, clinic.people["mara"], 0, rules)
    assert find_session(clinic.engine, token, rules.idle_ms - 1, rules)
    assert find_session(clinic.engine, token, 2 * rules.idle_ms - 2, rules)
    assert find_session(clinic.engine, token, 3 * rules.idle_ms, rules) is None


def test_refreshing_by_itself_is_not_use(clinic: Any) -> None:
    rules = clinic.rules
    token = open_session(clinic.engine, clinic.people["mara"], 0, rules)
    for minute in range(1, 30):
        assert find_session(clinic.engine, token, minute * MINUTE, rules, counts=False)
    assert find_session(clinic.engine, token, rules.idle_ms, rules, counts=False) is None


def test_a_session_ends_in_any_case(clinic: Any) -> None:
    rules = clinic.rules
    token = open_session(clinic.engine, clinic.people["mara"], 0, rules)
    for now in range(0, rules.absolute_ms, 10 * MINUTE):
        assert find_session(clinic.engine, token, now, rules)
    assert find_session(clinic.engine, token, rules.absolute_ms, rules) is None


def test_a_new_session_clears_old_ones(clinic: Any) -> None:
    rules, mara = clinic.rules, clinic.people["mara"]
    assert open_session(clinic.engine, mara, 0, rules) != open_session(clinic.engine, mara, 1, rules)
    assert count(clinic) == 2
    open_session(clinic.engine, mara, rules.absolute_ms + 5, rules)
    assert count(clinic) == 1


def test_closing_one_or_all(clinic: Any) -> None:
    rules, mara, otto = clinic.rules, clinic.people["mara"], clinic.people["otto"]
    tokens = [open_session(clinic.engine, who, 0, rules) for who in (mara, mara, otto)]
    assert committed(close_session)(clinic.engine, tokens[0]) == mara
    assert committed(close_session)(clinic.engine, tokens[0]) is None
    assert find_session(clinic.engine, tokens[0], 1, rules) is None
    assert find_session(clinic.engine, tokens[1], 1, rules)
    assert committed(close_other_sessions)(clinic.engine, mara, keep="") == 1
    assert find_session(clinic.engine, tokens[1], 1, rules) is None
    assert find_session(clinic.engine, tokens[2], 1, rules)


def test_no_token_is_nobody(clinic: Any) -> None:
    assert find_session(clinic.engine, "", 0, clinic.rules) is None
    assert find_session(clinic.engine, "x" * 43, 0, clinic.rules) is None
