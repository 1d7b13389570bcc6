"""The Bluetooth contract: what a gateway may know of the clip. Byte layouts stand in `firmware/README.md`.

    from firmware.clip import protocol
    flags, n, seq, t_ms = protocol.stream.parse_header(packet)

Every decoder raises `MalformedError` for bytes that do not follow the contract, and nothing else.
"""

from .wire import auth, calibration, category, control, fragment, pairing, plan, records, status, stream, update, uuids
from .wire.base import VERSION, MalformedError, crc16

__all__ = (
    "VERSION",
    "MalformedError",
    "auth",
    "calibration",
    "category",
    "control",
    "crc16",
    "fragment",
    "pairing",
    "plan",
    "records",
    "status",
    "stream",
    "update",
    "uuids",
)
