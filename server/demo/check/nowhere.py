"""Which seconds exist nowhere: the clip wrote them into no minute of its journal, and the gateway did not hear them.

The clip writes a minute when it ends. When its power fails, or it hangs, the open minute is gone; what of it the
gateway heard meanwhile is kept there. `firmware/README.md` says so among the known limits.
"""

from __future__ import annotations

from typing import Final

from gateway.backoff import LONGEST_S

from .evidence import Evidence, Outage

MINUTE_MS: Final = 60_000
WRITTEN_MS: Final = 1_000
"""After its end, until a minute is in the journal."""
RECONNECT_MS: Final = {
    "gateway": 15_000,
    "link": int(1000 * LONGEST_S) + 12_000,
    "sleep": 15_000,
    "clip": int(1000 * LONGEST_S) + 12_000,
    "watchdog": int(1000 * LONGEST_S) + 12_000,
}
"""After an outage, until the gateway judges again: boot, the longest wait between two attempts, search, connection."""
DEAF: Final = ("link", "gateway", "sleep")
"""Outages over which the clip goes on and the gateway does not hear it."""


def off(evidence: Evidence) -> list[Outage]:
    """When the clip had no power, or hung."""
    found = (outage for outage in evidence.outages if outage.station in {"clip", "watchdog"})
    return sorted(found, key=lambda outage: outage.start_ms)


def nowhere(evidence: Evidence) -> list[tuple[int, int]]:
    """Intervals [from, to) of simulated ms that the clip lost with its open minute and the gateway did not hear, in
    order. What the clip does not measure while it is off is not among them."""
    found: list[tuple[int, int]] = []
    for outage in off(evidence):
        end_ms = outage.start_ms
        open_ms = _open_since(evidence, end_ms)
        unheard = (
            (max(open_ms, deaf.start_ms), min(end_ms, _heard_again(evidence, deaf)))
            for deaf in evidence.outages
            if deaf.station in DEAF
        )
        found += [(first, last) for first, last in unheard if first < last]
    return _merged(found)


def _open_since(evidence: Evidence, off_ms: int) -> int:
    """Since when what the clip measured until `off_ms` was in no minute of its journal: at most since the beginning of
    the minute then open, or the one before it if that had just ended."""
    boot, began_ms = max(
        (item for item in evidence.boots_ms.items() if item[1] <= off_ms),
        key=lambda item: item[1],
        default=("", off_ms),
    )
    written = {key[4] for key in evidence.journal if key[1:4] == (boot, "clip", "epoch")}
    open_ms = (off_ms - began_ms) // MINUTE_MS * MINUTE_MS
    if open_ms in written:
        return off_ms
    just_ended = off_ms - began_ms - open_ms < WRITTEN_MS
    if just_ended and open_ms and open_ms - MINUTE_MS not in written:
        open_ms -= MINUTE_MS
    return began_ms + open_ms


def _heard_again(evidence: Evidence, deaf: Outage) -> int:
    """When the gateway judged the clip's stream again: its first lease says so, which may not come ever so late."""
    leases = (lease.t_ms for lease in evidence.leases if lease.t_ms >= deaf.end_ms)
    return min(next(leases, deaf.end_ms + RECONNECT_MS[deaf.station]), deaf.end_ms + RECONNECT_MS[deaf.station])


def _merged(intervals: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged
