"""Values of the services (which are in `services`), advertising and the radio's interrupt, on plain `bluetooth.BLE`.

The interrupt handler only notes what happened; the application asks for it with `take`. Values of the custom service are
empty until a gateway has authenticated, because the stack answers reads by itself.
"""

from . import lazy
from .wire import clip_uuids as uuids
from .wire.base import const

CONNECTED = 1
DISCONNECTED = 2
WRITTEN = 3
INDICATED = 20
MTU_CHANGED = 21

_WAITING_MAX = const(8)  # writes of one connection that wait for the next round: no stranger takes another's place


class Gatt:
    """The clip's side of the radio; `ble` is `bluetooth.BLE()`, `uuid` is `bluetooth.UUID`. Handles of the custom service are attributes named like the UUIDs."""

    def __init__(self, ble, uuid, serial: str, firmware: str, ticks_ms) -> None:  # type: ignore[no-untyped-def]
        self._ble = ble
        self._ticks_ms = ticks_ms
        self._events: list[tuple[int, int, int, bytes, int]] = []
        ble.active(True)
        ble.config(mtu=uuids.MTU_WANTED)
        ble.config(gap_name=uuids.NAME_PREFIX + serial[-4:])
        try:
            ble.config(le_secure=True)  # for a central that asks for encryption; nothing relies on it
        except (OSError, ValueError):
            pass
        ble.irq(self._irq)
        from . import services  # noqa: PLC0415 -- needed once

        (
            self.battery,
            self.stream,
            self.event,
            self.control,
            self.settings,
            self.plan,
            self.journal,
            self.status,
            self.calibration,
        ) = services.register(ble, uuid, serial, firmware)
        self._advertised = (services.advertisement(serial, False), services.advertisement(serial, True))
        lazy.drop("services")
        self.hide()
        self.pairing = False  # whether advertisements say that a gateway may be paired

    def _irq(self, event: int, data) -> None:  # type: ignore[no-untyped-def]
        if event == WRITTEN:
            connection, handle = data
            if self._waiting(connection) >= _WAITING_MAX:
                return
            entry = (event, connection, handle, bytes(self._ble.gatts_read(handle)), self._ticks_ms())
        elif event in (CONNECTED, DISCONNECTED):
            entry = (event, data[0], 0, b"", self._ticks_ms())
        elif event in (INDICATED, MTU_CHANGED):
            entry = (event, data[0], data[1], b"", self._ticks_ms())
        else:
            return
        self._events.append(entry)

    def _waiting(self, connection: int) -> int:
        """Writes of a connection that were not yet taken."""
        waiting = 0
        for entry in self._events:
            if entry[0] == WRITTEN and entry[1] == connection:
                waiting += 1
        return waiting

    def take(self) -> "tuple[int, int, int, bytes, int] | None":
        """The oldest event not yet taken, or None: (event, connection, handle or MTU, written bytes, ticks)."""
        return self._events.pop(0) if self._events else None

    def advertise(self, interval_us: int) -> bool:
        """Be found and connectable; False when the stack has no room for another connection: try again later."""
        advertised, response = self._advertised[self.pairing]
        try:
            self._ble.gap_advertise(interval_us, advertised, resp_data=response)
        except OSError:
            return False
        return True

    def stop_advertising(self) -> None:
        """Be found no more."""
        self._ble.gap_advertise(None)

    def disconnect(self, connection: int) -> None:
        """End a connection; one that is already gone is no error."""
        try:
            self._ble.gap_disconnect(connection)
        except OSError:
            pass

    def write(self, handle: int, value: bytes) -> None:
        """Set what a read of `handle` returns."""
        self._ble.gatts_write(handle, value)

    def hide(self) -> None:
        """Make the readable values of the custom service empty."""
        for handle in (self.settings, self.plan, self.status, self.calibration):
            self._ble.gatts_write(handle, b"")

    def notify(self, connection: int, handle: int, data) -> None:  # type: ignore[no-untyped-def]
        """Send a notification. Raises OSError (ENOMEM when the stack has no buffer: try again later)."""
        self._ble.gatts_notify(connection, handle, data)

    def indicate(self, connection: int, data: bytes) -> None:
        """Send an event and let the stack wait for its confirmation. Raises OSError like `notify`."""
        self._ble.gatts_indicate(connection, self.event, data)
