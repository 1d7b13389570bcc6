"""What others have set on the clip and may only replace by a newer version: plan, calibration, settings.

Layouts only ever grow at their end. So the file of an older firmware is completed from the default; that of a newer one is
left alone, for when that firmware comes back, while the default is in force.
"""

from . import guarded
from .wire import clip_control as control
from .wire.base import MalformedError, const
from .wire.clip_calibration import parse_calibration
from .wire.clip_status import pack_settings, settings_values
from .wire.plan import Plan, parse_plan

_VERSION = const(1)


class Versioned:
    """One such thing, kept in a guarded file as the bytes in which it came, which begin with its version, u16. `blank` is the
    default in these bytes."""

    def __init__(self, path: str, kind: int, parse, default, blank: bytes = b"") -> None:  # type: ignore[no-untyped-def]
        self._path = path
        self._kind = kind
        self._parse = parse
        self.raw = b""
        self.value = default
        layout, stored = guarded.read(path, kind)
        if 0 <= layout <= _VERSION:
            if layout < _VERSION:
                stored += blank[len(stored) :]
            try:
                self.value = parse(stored)
                self.raw = stored
            except MalformedError:
                pass  # the default stays in force

    @property
    def version(self) -> int:
        """Version in force, 0 for the default."""
        return _version_of(self.raw) if self.raw else 0

    def accept(self, payload: bytes) -> int:
        """Store and put in force; one of control's results. The version in force may be sent again unchanged."""
        try:
            value = self._parse(payload)
        except MalformedError:
            return control.REFUSED_MALFORMED
        if bytes(payload) == self.raw:
            return control.OK
        if _version_of(payload) <= self.version:
            return control.REFUSED_OLD_VERSION
        try:
            guarded.save(self._path, self._kind, _VERSION, bytes(payload))
        except OSError:
            return control.REFUSED_BUSY
        self.raw = bytes(payload)
        self.value = value
        return control.OK


def _version_of(data: bytes) -> int:
    return data[0] | data[1] << 8


def plan_store(path: str = "plan.bin") -> Versioned:
    """The plan; until one is set, the default: track only."""
    return Versioned(path, 3, parse_plan, Plan(), Plan().pack())


def calibration_store(path: str = "calibration.bin") -> Versioned:
    """The calibration as (version, procedure, up, forward), or None."""
    return Versioned(path, 4, parse_calibration, None)


def settings_store(path: str = "settings.bin") -> Versioned:
    """The wearer's settings (version, strength %, pattern, LED); until set: full strength, the first rhythm, a dark LED."""
    blank = (0, 100, 0, 0)
    return Versioned(path, 5, settings_values, blank, pack_settings(*blank))
