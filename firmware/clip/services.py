"""The services of the clip and what it advertises, told to the radio when it starts."""

from .wire import clip_uuids as uuids
from .wire.base import const

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


def register(ble, uuid, serial: str, firmware: str) -> "tuple[int, ...]":  # type: ignore[no-untyped-def]
    """Handles of the battery level and, in the order of their numbers, of the custom service's values."""
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
    handles = ble.gatts_register_services((information, battery, posture))
    for handle, text in zip(handles[0], (MANUFACTURER, MODEL, serial.encode(), firmware.encode())):
        ble.gatts_write(handle, text)
    ble.gatts_set_buffer(handles[2][2], _CONTROL_BUFFER)
    values: tuple[int, ...] = handles[1] + handles[2]
    return values
