"""GATT services and characteristics. One base UUID, the second 16-bit group varies."""


def _uuid(number: int) -> str:
    return "7d1e%04x-52a4-4c1b-9f0e-6b1c8a3d7e20" % number


SERVICE = _uuid(0x0001)
STREAM = _uuid(0x0002)  # notify: orientation packets, or 1-Hz summaries below MTU_STREAM
EVENT = _uuid(0x0003)  # indicate: challenge, results, pong
CONTROL = _uuid(0x0004)  # write with response: handshake, then sealed operations
SETTINGS = _uuid(0x0005)  # read
PLAN = _uuid(0x0006)  # read
JOURNAL = _uuid(0x0007)  # notify: id + record
STATUS = _uuid(0x0008)  # read, notify
CALIBRATION = _uuid(0x0009)  # read

DEVICE_INFORMATION = 0x180A
MANUFACTURER = 0x2A29
MODEL = 0x2A24
SERIAL = 0x2A25  # the clip's identity: 16 lower-case hex digits
FIRMWARE_REVISION = 0x2A26
BATTERY_SERVICE = 0x180F
BATTERY_LEVEL = 0x2A19

NAME_PREFIX = "Plumbline-"  # advertised name: prefix + last four digits of the serial
MTU_WANTED = 247
MTU_STREAM = 100  # below it the clip sends 1-Hz summaries and judges by itself
NOTIFY_SPACING_MS = 50  # between notifications of all kinds together
