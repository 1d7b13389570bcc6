"""Late records against erasures, in any order and at once: nothing of who was erased is left, nothing else is lost."""

from __future__ import annotations

import threading
import time
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, insert, select, text

from gateway import messages
from server.ingest import quarantine
from server.ingest.enrolment import assign_clip, enrol_gateway, enrol_patient
from server.ingest.service import refuse, settle
from server.ingest.wearers import Wearers
from server.rights import erasing
from server.rights.restoring import apply
from server.rights.tombstones import Tombstones
from server.store import reading, writing
from server.store.tables import enrolment, episode, patient
from server.summaries.stale import mark_stale
from tests.server.rights.homes import DAY, KINDS, T0, Home, everything_as_text, record

_NUMBERS: Final = count(1)
ERASED: Final = T0 + DAY
MINUTES: Final = st.one_of(st.integers(-3 * 1440, 4 * 1440), st.sampled_from([-1440, 0, 1439, 1440, 1441]))
SENT: Final = st.tuples(st.sampled_from([*KINDS, "unplaced", "garbled", "message"]), MINUTES, st.integers(0, 1))


class Patient:
    """Somebody with a clip, a computer of their own, and one that they share."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.number = next(_NUMBERS)
        self.clip = f"c{self.number:015x}"
        self.gateways = (f"d{self.number:015x}", f"e{self.number:015x}")
        self.tombstones = Tombstones(folder / f"stones{self.number}")
        self.id = enrol_patient(engine, name="Anna Wexford", zone="Europe/Berlin", now_ms=0)
        for gateway in self.gateways:
            enrol_gateway(engine, gateway, name="home", now_ms=0)
        with writing(engine) as db:
            used = {"patient_id": self.id, "gateway": self.gateways[0], "created_ms": 0, "expires_ms": 1, "used_ms": 1}
            db.execute(insert(enrolment).values(code_hash=self.clip, **used))
        assign_clip(engine, self.clip, self.id, start_ms=T0 - DAY, now_ms=0)

    def send(self, kind: str, minute: int, gateway: int) -> None:
        sender = self.gateways[gateway]
        if kind == "message":
            refuse(self.engine, sender, "records", f'{{"clip":"{self.clip}",'.encode(), problem="half", now_ms=ERASED)
            return
        made: dict[str, Any] = record("epoch" if kind in ("unplaced", "garbled") else kind, self.clip, minute)
        if kind == "unplaced":
            made["utc_ms"] = None
        if kind == "garbled":
            made["codes"] = "?"
        batch = {"schema": "records/1", "spool": "5" * 32, "first": 1, "last": 1, "rows": [{"n": 1, "record": made}]}
        settle(self.engine, sender, messages.Records.model_validate(batch), ERASED)

    def erase(self) -> None:
        with writing(self.engine) as db:
            done = erasing.erase(db, self.id, at_ms=ERASED, actor="-", tombstones=self.tombstones)
        assert erasing.count_again(self.engine, done, ERASED) == {}


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=max(12, settings().max_examples // 4),
    deadline=None,
)
@given(st.lists(SENT, max_size=6), st.lists(SENT, min_size=1, max_size=6), st.booleans())
def test_any_order_leaves_nothing(
    engine: Engine,
    tmp_path: Path,
    before: list[tuple[str, int, int]],
    after: list[tuple[str, int, int]],
    restored: bool,
) -> None:
    someone = Patient(engine, tmp_path)
    for sent in before:
        someone.send(*sent)
    someone.erase()
    for sent in after:
        someone.send(*sent)
    if restored:
        apply(engine, someone.tombstones.read(), ERASED)
    assert someone.clip not in everything_as_text(engine)
    with reading(engine) as db:
        assert db.scalar(select(patient.c.id).where(patient.c.id == someone.id)) is None


def test_records_that_come_in_while_somebody_is_erased(home: Home) -> None:
    clip, other = home.clips
    start, failures = threading.Barrier(3), []

    def sending(mine: str, gateway: int) -> None:
        start.wait()
        for minute in range(12):
            try:
                home.send(record("episode", mine, minute), record("epoch", mine, minute), gateway=gateway)
            except Exception as error:  # noqa: BLE001 - looked at below
                failures.append(error)

    threads = [threading.Thread(target=sending, args=one) for one in ((clip, 0), (other, 1))]
    for thread in threads:
        thread.start()
    start.wait()
    done = home.erase()
    for thread in threads:
        thread.join()
    assert failures == []
    assert erasing.count_again(home.engine, done, T0) == {}
    assert clip not in everything_as_text(home.engine)
    with reading(home.engine) as db:
        assert db.scalar(select(func.count()).select_from(episode)) == 12


def test_who_takes_records_in_is_let_finish_first(home: Home) -> None:
    """The erasure waits for the wearing, and holds nothing meanwhile that the one before it still needs."""
    clip, _ = home.clips
    ended = threading.Event()

    def erasing_her() -> None:
        home.erase()
        ended.set()

    thread = threading.Thread(target=erasing_her)
    with writing(home.engine) as db:
        Wearers(db, [clip], home.gateways, T0, lock=True)
        thread.start()
        if db.dialect.name == "postgresql":
            wait_for_a_waiting_lock(db)
        mark_stale(db, [(home.anna, date(2026, 9, 21))])
        assert not ended.is_set()
    thread.join()
    assert ended.is_set()
    assert clip not in everything_as_text(home.engine)


HALF: Final = '{{"clip": "{clip}", "boot": '
OTHERWISE: Final = "\x07 not JSON, and no clip in it"


def keeps(home: Home, what: str) -> None:
    """Have something refused that is kept for inspection: of the patient's clip by somebody else's computer, or of
    their own computer without a word about a clip."""
    if what == "row":
        assert home.send(record("epoch", home.clips[0], codes="?"), gateway=1) != []
        return
    sender, text = (1, HALF.format(clip=home.clips[0])) if what == "message" else (0, OTHERWISE)
    refuse(home.engine, home.gateways[sender], "records", text.encode(), problem="half", now_ms=T0)


@pytest.mark.parametrize("what", ["row", "message", "own"])
def test_what_is_refused_while_somebody_is_erased_is_not_kept(home: Home, what: str) -> None:
    keeping = threading.Thread(target=keeps, args=(home, what))
    with writing(home.engine) as db:
        done = erasing.erase(db, home.anna, at_ms=ERASED, actor="-", tombstones=home.tombstones)
        keeping.start()
        if db.dialect.name == "postgresql":
            wait_for_a_waiting_lock(db)
    keeping.join()
    assert erasing.count_again(home.engine, done, ERASED) == {}
    left = everything_as_text(home.engine)
    assert home.clips[0] not in left
    assert "not JSON" not in left


@pytest.mark.parametrize("what", ["row", "message", "own"])
def test_what_is_being_kept_when_somebody_is_erased_is_erased(
    home: Home, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, go_on, count_it = threading.Event(), threading.Event(), quarantine.count

    def held(*args: Any) -> None:
        kept.set()
        assert go_on.wait(20)
        count_it(*args)

    monkeypatch.setattr(quarantine, "count", held)
    done: list[erasing.Erasing] = []
    threads = [
        threading.Thread(target=keeps, args=(home, what)),
        threading.Thread(target=lambda: done.append(home.erase())),
    ]
    threads[0].start()
    assert kept.wait(20)
    threads[1].start()
    if home.engine.dialect.name == "postgresql":
        with reading(home.engine) as db:
            wait_for_a_waiting_lock(db)
    go_on.set()
    for thread in threads:
        thread.join()
    assert erasing.count_again(home.engine, done[0], ERASED) == {}
    left = everything_as_text(home.engine)
    assert home.clips[0] not in left
    assert "not JSON" not in left


def wait_for_a_waiting_lock(db: Connection) -> None:
    limit = time.monotonic() + 20
    while not db.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_whoever_comes_next_has_another_number(home: Home) -> None:
    """A page that was left open on who was erased must not speak of somebody else."""
    newest = enrol_patient(home.engine, name="Cleo", zone="UTC", now_ms=0)
    with writing(home.engine) as db:
        erasing.erase(db, newest, at_ms=T0, actor="-", tombstones=None)
    assert enrol_patient(home.engine, name="Dora", zone="UTC", now_ms=0) > newest


@pytest.mark.parametrize("sender", [0, 1])
def test_somebody_else_may_be_erased_meanwhile(home: Home, sender: int) -> None:
    clip = home.clips[1]
    home.erase()
    assert home.send(record("episode", clip), gateway=1) == []
    assert home.send(record("episode", clip, mean_deg=1.0), gateway=sender) == [
        "not_assigned" if sender == 0 else "conflict"
    ]
