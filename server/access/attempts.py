"""How many sign-ins may be tried: by account and address together, by account, and by address."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from threading import Lock
from typing import Final

_OWN_BITS: Final = 64
# Whoever has one address of IPv6 has all that share its first 64 bits (RFC 6177).


@dataclass(frozen=True)
class AttemptRules:
    """Attempts allowed within `span_ms`. The limit of the pair is the strictest, so that a stranger who guesses at an
    account does not lock its owner out at once."""

    span_ms: int = 15 * 60_000
    pair: int = 5
    account: int = 30
    address: int = 60
    keys_kept: int = 20_000


class Attempts:
    """Sliding windows in memory, bounded. An attempt counts when it begins: many at once cannot slip through."""

    def __init__(self, rules: AttemptRules | None = None) -> None:
        self._rules = rules or AttemptRules()
        self._seen: OrderedDict[tuple[str, str], deque[int]] = OrderedDict()
        self._lock = Lock()

    def begin(self, account: str, address: str, now_ms: int) -> int:
        """Count an attempt. Returns 0 when it may go on, else the milliseconds to wait (then it is not counted)."""
        rules, address = self._rules, network_of(address)
        limits = ((f"{account}\n{address}", "pair", rules.pair), (account, "account", rules.account))
        keyed = [((kind, key), limit) for key, kind, limit in (*limits, (address, "address", rules.address))]
        with self._lock:
            wait = max(self._wait(key, limit, now_ms) for key, limit in keyed)
            if wait == 0:
                for key, _ in keyed:
                    self._seen.setdefault(key, deque()).append(now_ms)
                    self._seen.move_to_end(key)
            while len(self._seen) > rules.keys_kept:
                self._seen.popitem(last=False)
        return wait

    def succeeded(self, account: str, address: str) -> None:
        """Forget what was tried by this pair: its owner has signed in."""
        with self._lock:
            self._seen.pop(("pair", f"{account}\n{network_of(address)}"), None)

    def _wait(self, key: tuple[str, str], limit: int, now_ms: int) -> int:
        times = self._seen.get(key)
        if times is None:
            return 0
        while times and times[0] <= now_ms - self._rules.span_ms:
            times.popleft()
        if not times:
            del self._seen[key]
            return 0
        return 0 if len(times) < limit else times[-limit] + self._rules.span_ms - now_ms


def network_of(address: str) -> str:
    """What one client is taken to have of the network: its address, of IPv6 the first half."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((int(found), _OWN_BITS), strict=False))
