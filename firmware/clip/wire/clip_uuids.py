"""GATT numbers and what is agreed about the connection."""

NAME_PREFIX = "Plumbline-"  # advertised name: prefix + last four digits of the serial
MTU_WANTED = 247
MTU_STREAM = 100  # below it the clip sends 1-Hz summaries and judges by itself
COMPANY = 0xFFFF  # in manufacturer data: nobody's, for want of a number of our own
PAIRING_DATA = b"PL\x01"  # after it, while the clip takes a new gateway
NOTIFY_SPACING_MS = 50  # between notifications of all kinds together

DEVICE_INFORMATION = 0x180A
MANUFACTURER = 0x2A29
MODEL = 0x2A24
SERIAL = 0x2A25  # the clip's identity: 16 lower-case hex digits
FIRMWARE_REVISION = 0x2A26
BATTERY_SERVICE = 0x180F
BATTERY_LEVEL = 0x2A19


def posture(number: int) -> str:
    """UUID of the posture service (1) or of one of its characteristics: one base, the second 16-bit group varies."""
    return "7d1e%04x-52a4-4c1b-9f0e-6b1c8a3d7e20" % number
