"""Services, advertising and the radio's interrupt, on plain `bluetooth.BLE`.

The interrupt handler only notes what happened; the application asks for it with `take`. Values of the custom service are
empty until a gateway has authenticated, because the stack answers reads by itself.
"""

from .wire import clip_uuids as uuids
from .wire.base import const

CONNECTED = 1
DISCONNECTED = 2
WRITTEN = 3
INDICATED = 20
MTU_CHANGED = 21

_FLAG_READ = const(0x02)
_FLAG_WRITE = const(0x08)
_FLAG_NOTIFY = const(0x10)
_FLAG_INDICATE = const(0x20)

_AD_FLAGS = const(0x01)
_AD_NAME = const(0x09)
_AD_UUID128 = const(0x07)
_AD_MANUFACTURER = const(0xFF)
_GENERAL_DISCOVERABLE_LE_ONLY = const(0x06)

_CONTROL_BUFFER = const(128)  # the longest control write: settings, plan and calibration stay far below
MANUFACTURER = b"Plumbline"
MODEL = b"Clip"
_WAITING_MAX = const(8)  # writes of one connection that wait for the next round: no stranger takes another's place


def _field(kind: int, value: bytes) -> bytes:
    return bytes((len(value) + 1, kind)) + value


def _uuid_bytes(text: str) -> bytes:
    """A 128-bit UUID in the order of the air, least significant byte first."""
    digits = text.replace("-", "")
    return bytes([int(digits[i : i + 2], 16) for i in range(30, -2, -2)])


def advertisement(serial: str, pairing: bool) -> "tuple[bytes, bytes]":
    """(advertising data, scan response): flags, name and, while a gateway may be paired, that it may, in the one, the
    service in the other; 31 bytes each at most."""
    name = (uuids.NAME_PREFIX + serial[-4:]).encode()
    advertised = _field(_AD_FLAGS, bytes((_GENERAL_DISCOVERABLE_LE_ONLY,))) + _field(_AD_NAME, name)
    if pairing:
        company = bytes((uuids.COMPANY & 0xFF, uuids.COMPANY >> 8))
        advertised += _field(_AD_MANUFACTURER, company + uuids.PAIRING_DATA)
    return advertised, _field(_AD_UUID128, _uuid_bytes(uuids.posture(1)))


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
        self._register(uuid, serial, firmware)
        self._serial = serial
        self.pairing = False  # whether advertisements say that a gateway may be paired

    def _register(self, uuid, serial: str, firmware: str) -> None:  # type: ignore[no-untyped-def]
        read = _FLAG_READ
        information = (
            uuid(uuids.DEVICE_INFORMATION),
            (
                (uuid(uuids.MANUFACTURER), read),
                (uuid(uuids.MODEL), read),
                (uuid(uuids.SERIAL), read),
                (uuid(uuids.FIRMWARE_REVISION), read),
            ),
        )
        battery = (uuid(uuids.BATTERY_SERVICE), ((uuid(uuids.BATTERY_LEVEL), read | _FLAG_NOTIFY),))
        # In the order of their numbers, from 2: stream, event, control, settings, plan, journal, status, calibration.
        flags = (_FLAG_NOTIFY, _FLAG_INDICATE, _FLAG_WRITE, read, read, _FLAG_NOTIFY, read | _FLAG_NOTIFY, read)
        posture = (
            uuid(uuids.posture(1)),
            tuple([(uuid(uuids.posture(i + 2)), flags[i]) for i in range(len(flags))]),
        )
        handles = self._ble.gatts_register_services((information, battery, posture))
        for handle, text in zip(handles[0], (MANUFACTURER, MODEL, serial.encode(), firmware.encode())):
            self._ble.gatts_write(handle, text)
        self.battery = handles[1][0]
        (
            self.stream,
            self.event,
            self.control,
            self.settings,
            self.plan,
            self.journal,
            self.status,
            self.calibration,
        ) = handles[2]
        self._ble.gatts_set_buffer(self.control, _CONTROL_BUFFER)
        self.hide()

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
        advertised, response = advertisement(self._serial, self.pairing)
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
