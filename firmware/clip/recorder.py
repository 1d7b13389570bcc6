"""Writes events and reminders into the journal, with the versions in force."""

import struct

from .wire import clip_records as records
from .wire.base import const

_HOUR_MS = const(3600000)
_FAULTS_AN_HOUR = const(16)  # of the sensor, or a loose wire would write over the wearer's days


class Recorder:
    """`write` takes any finished record; `event` and `reminder` make one."""

    def __init__(self, boot: bytes, journal, versions) -> None:  # type: ignore[no-untyped-def]
        self.boot = boot
        self._journal = journal
        self._versions = versions
        self._newest: dict[int, int] = {}
        self._hour = -1
        self._faults = 0  # told of in it
        self._start: list[tuple[int, int]] = []
        self.failed = 0

    def start(self, kind: int, value: int) -> None:
        """An event of the boot itself. It is written when a gateway is there, or before the first record of any other kind: a
        firmware that errs again and again soon after its start does not write over the wearer's days."""
        self._start.append((kind, value))

    def begun(self) -> None:
        """The start went well: write its events."""
        start, self._start = self._start, []
        for kind, value in start:
            self.event(kind, 0, value)

    def write(self, record: bytes) -> None:
        """Put a record into the journal, and tell in another when it took the place of some that nobody had
        acknowledged. A flash error is counted; the clip goes on."""
        if self._start:
            self.begun()
        journal = self._journal
        try:
            journal.append(record)
            if journal.overwritten:
                at_ms = struct.unpack("<I", record[12:16])[0]
                journal.append(self.pack(records.OVERWRITTEN, at_ms, journal.overwritten), journal.overwritten)
        except OSError:
            self.failed += 1

    def event(self, kind: int, t_ms: int, value: int = 0) -> None:
        """Something of `kind` happened. Of a sensor that comes and goes no more is told than an hour has room for."""
        if kind == records.IMU_LOST or kind == records.IMU_BACK:
            if t_ms // _HOUR_MS != self._hour:
                self._hour = t_ms // _HOUR_MS
                self._faults = 0
            self._faults += 1
            if self._faults > _FAULTS_AN_HOUR:
                return
        self.write(self.pack(kind, t_ms, value))

    def pack(self, kind: int, t_ms: int, value: int) -> bytes:
        """The record of an event. Two of a kind in one millisecond would be one identity: the later gives way."""
        t_ms = max(t_ms, self._newest.get(kind, -1) + 1)
        self._newest[kind] = t_ms
        plan, calibration = self._versions()
        return records.pack_event(kind, self.boot, t_ms, plan, calibration, value)

    def reminder(self, told: "tuple[int, int, int, int, int, int, int, int]") -> None:
        """A record of the policy (see `reminder.Policy.take_record`)."""
        start, rev, judge, since, angle, reason, response, response_ms = told
        plan, calibration = self._versions()
        self.write(
            records.pack_reminder(
                judge, rev, self.boot, start, plan, calibration, since, angle, reason, response, response_ms
            )
        )
