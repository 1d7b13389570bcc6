"""One clip's page of the outbox: what belongs together is committed together."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from gateway import messages
from gateway.clock_map import ClockMap
from gateway.outbox import Outbox, OutboxError
from gateway.placing import Origin, unplaceable

BOOTS_REMEMBERED: Final = 16
FORSAKEN: Final = "forsaken"
"""Owner of the names of clips that were erased here while they could not be told to give up their journals."""
_CLOCK: Final = "clock/"
_CORE: Final = "core"
_CALIBRATED: Final = "calibrated"
_JOURNAL: Final = "journal"
_PLAN: Final = "plan"

logger = logging.getLogger(__name__)


class Ledger:
    """Clock maps, the core's snapshot, the journal position and the wanted plan of one clip."""

    def __init__(self, outbox: Outbox, serial: str, *, simulated: bool = False) -> None:
        self._outbox = outbox
        self.serial = serial
        self._simulated = simulated
        self._clocks: dict[str, ClockMap] = {}
        self._touched: set[str] = set()
        stored = outbox.get(serial, _JOURNAL)
        self.position: int | None = int(json.loads(stored)["id"]) if stored else None
        """Journal id up to which everything is committed here; None before the first record."""

    def clock(self, boot: str) -> ClockMap:
        """The map of a boot, made when it is new. What it learns is kept by the next commit."""
        clock = self._clocks.get(boot) or self._load(boot) or ClockMap()
        self._clocks[boot] = clock
        self._touched.add(boot)
        return clock

    def _load(self, boot: str) -> ClockMap | None:
        stored = self._outbox.get(self.serial, _CLOCK + boot)
        if stored is None:
            return None
        try:
            return ClockMap.load(stored)
        except ValueError as error:
            self._outbox.keep("state", f"clock map of boot {boot}: {error}", stored)
            return None

    def origin(self, boot: str) -> Origin:
        """Origin of a boot's records, with its map when the boot was ever met."""
        if boot in self._clocks or self._outbox.get(self.serial, _CLOCK + boot) is not None:
            return Origin(self.serial, boot, self.clock(boot).place, self._simulated)
        return Origin(self.serial, boot, unplaceable, self._simulated)

    def commit(
        self,
        records: Sequence[messages.Model],
        *,
        core: tuple[str, bytes] | None = None,
        position: int | None = None,
    ) -> None:
        """One transaction: rows, the core's (boot, snapshot), the journal position, and every map that was used."""
        values: dict[str, bytes] = {_CLOCK + boot: self._clocks[boot].dump() for boot in self._touched}
        if core is not None:
            values[_CORE] = bytes.fromhex(core[0]) + core[1]
        if position is not None:
            values[_JOURNAL] = json.dumps({"id": position}).encode()
        with self._outbox.transaction():
            self._outbox.put(records)
            self._outbox.set(self.serial, values)
            if self._touched:
                old = self._outbox.names(self.serial, _CLOCK)[:-BOOTS_REMEMBERED]
                self._outbox.drop(self.serial, old)
        if position is not None:
            self.position = position
        self._touched.clear()

    @property
    def forsaken(self) -> bool:
        """Whether what the clip holds is to be stepped over: it was erased here before it was paired again."""
        return self._outbox.get(FORSAKEN, self.serial) is not None

    def step_over(self, position: int) -> None:
        """Take the journal up to `position` for consumed without having read it. Raises OutboxError."""
        with self._outbox.transaction():
            self._outbox.set(self.serial, {_JOURNAL: json.dumps({"id": position}).encode()})
            self._outbox.drop(FORSAKEN, [self.serial])
        self.position = position

    @property
    def core(self) -> tuple[str, bytes] | None:
        """(boot, snapshot) of the last commit that had one."""
        stored = self._outbox.get(self.serial, _CORE)
        return (stored[:8].hex(), stored[8:]) if stored and len(stored) > 8 else None

    @property
    def plan(self) -> messages.Plan | None:
        """The plan that the clip should have, as far as the server has said."""
        stored = self._outbox.get(self.serial, _PLAN)
        return messages.Plan.model_validate_json(stored) if stored else None

    @plan.setter
    def plan(self, plan: messages.Plan) -> None:
        self._outbox.set(self.serial, {_PLAN: plan.model_dump_json().encode()})

    @property
    def calibrated(self) -> tuple[int, messages.CalibrationRepeat] | None:
        """The newest calibration that repeated an earlier one: its version, and how well."""
        stored = self._outbox.get(self.serial, _CALIBRATED)
        if stored is None:
            return None
        found = json.loads(stored)
        return int(found["version"]), messages.CalibrationRepeat(**found["repeat"])

    @calibrated.setter
    def calibrated(self, value: tuple[int, messages.CalibrationRepeat]) -> None:
        version, repeat = value
        stored = json.dumps({"version": version, "repeat": repeat.model_dump()}).encode()
        with suppress(OutboxError):  # it is only shown: the clip has the calibration itself
            self._outbox.set(self.serial, {_CALIBRATED: stored})

    def keep(self, door: str, reason: str, data: bytes) -> None:
        """Keep something malformed for inspection."""
        logger.warning("%s: malformed %s: %s", self.serial[-4:], door, reason)
        self._outbox.keep(door, reason, data)
