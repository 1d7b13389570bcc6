"""How many sign-ins may be tried."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.access.attempts import AttemptRules, Attempts

MINUTE = 60_000


def test_the_sixth_attempt_of_a_pair_waits_until_the_first_is_old_enough() -> None:
    attempts = Attempts()
    assert [attempts.begin("ada", "1.1.1.1", second * 1000) for second in range(5)] == [0] * 5
    assert attempts.begin("ada", "1.1.1.1", 10_000) == 15 * MINUTE - 10_000
    assert attempts.begin("ada", "1.1.1.1", 15 * MINUTE) == 0


def test_a_stranger_does_not_lock_the_owner_out_at_once() -> None:
    attempts = Attempts()
    for _ in range(5):
        attempts.begin("ada", "6.6.6.6", 0)
    assert attempts.begin("ada", "6.6.6.6", 0) > 0
    assert attempts.begin("ada", "1.1.1.1", 0) == 0


def test_an_account_is_protected_from_many_addresses_and_an_address_cannot_try_many_accounts() -> None:
    attempts = Attempts(AttemptRules(account=8, address=8))
    tried = [attempts.begin("ada", f"10.0.0.{host}", 0) for host in range(9)]
    assert tried[:8] == [0] * 8
    assert tried[8] > 0
    spread = [attempts.begin(f"person{index}", "7.7.7.7", 0) for index in range(9)]
    assert spread[:8] == [0] * 8
    assert spread[8] > 0


def test_signing_in_forgets_the_pair() -> None:
    attempts = Attempts()
    for _ in range(5):
        attempts.begin("ada", "1.1.1.1", 0)
    attempts.succeeded("ada", "1.1.1.1")
    assert attempts.begin("ada", "1.1.1.1", 0) == 0


def test_memory_is_bounded() -> None:
    attempts = Attempts(AttemptRules(keys_kept=50))
    for index in range(1000):
        attempts.begin(f"person{index}", f"address{index}", 0)
    assert len(attempts._seen) <= 50


@given(st.lists(st.integers(0, 20_000), max_size=60))
def test_no_window_ever_holds_more_than_the_limit(steps: list[int]) -> None:
    rules = AttemptRules(span_ms=60_000, pair=4, account=100, address=100)
    attempts = Attempts(rules)
    now, let_in = 0, []
    for step in steps:
        now += step
        wait = attempts.begin("ada", "1.1.1.1", now)
        assert 0 <= wait <= rules.span_ms
        if wait == 0:
            let_in.append(now)
    for time in let_in:
        assert sum(time <= other < time + rules.span_ms for other in let_in) <= rules.pair


def test_addresses_of_one_network_are_one_client() -> None:
    attempts = Attempts()
    tried = [attempts.begin("ada", f"2001:db8:0:7::{host:x}", 0) for host in range(6)]
    assert tried[:5] == [0] * 5
    assert tried[5] > 0
    assert attempts.begin("ada", "2001:db8:0:8::1", 0) == 0
    attempts.succeeded("ada", "2001:db8:0:7::99")
    assert attempts.begin("ada", "2001:db8:0:7::1", 0) == 0
    mapped = [attempts.begin("ada", address, 0) for address in [*["192.0.2.1"] * 5, "::ffff:192.0.2.1"]]
    assert mapped[:5] == [0] * 5
    assert mapped[5] > 0
    assert attempts.begin("ada", "::ffff:192.0.2.2", 0) == 0
