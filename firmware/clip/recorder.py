"""Writes events and reminders into the journal, with the versions in force."""

from .wire import clip_records as records


class Recorder:
    """`write` takes any finished record; `event` and `reminder` make one."""

    def __init__(self, boot: bytes, journal, versions) -> None:  # type: ignore[no-untyped-def]
        self.boot = boot
        self._journal = journal
        self._versions = versions
        self._newest: dict[int, int] = {}
        self.failed = 0

    def write(self, record: bytes) -> None:
        """Put a record into the journal. A flash error is counted; the clip goes on."""
        try:
            self._journal.append(record)
        except OSError:
            self.failed += 1

    def event(self, kind: int, t_ms: int, value: int = 0) -> None:
        """Something of `kind` happened. Two of a kind in one millisecond would be one identity: the later gives way."""
        t_ms = max(t_ms, self._newest.get(kind, -1) + 1)
        self._newest[kind] = t_ms
        plan, calibration = self._versions()
        self.write(records.pack_event(kind, self.boot, t_ms, plan, calibration, value))

    def reminder(self, told: "tuple[int, int, int, int, int, int, int, int]") -> None:
        """A record of the policy (see `reminder.Policy.take_record`)."""
        start, rev, judge, since, angle, reason, response, response_ms = told
        plan, calibration = self._versions()
        self.write(
            records.pack_reminder(
                judge, rev, self.boot, start, plan, calibration, since, angle, reason, response, response_ms
            )
        )
