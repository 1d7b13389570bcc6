"""Operations that a gateway writes to the control characteristic, and the events that answer them.

HELLO and AUTH travel bare (see `auth`), PAIR does (see `pairing`), and FRAGMENT is a piece of any of them (see `fragment`);
every other operation is sealed. Each is answered by a RESULT event.
"""

import struct

from .base import MalformedError, need
from .clip_auth import GATEWAY_ID_SIZE, NONCE_SIZE, PROOF_SIZE
from .clip_category import COUNT

HELLO = 0x01
AUTH = 0x02
PAIR = 0x03
FRAGMENT = 0x04
LEASE = 0x10  # state u8 | since_clip_ms u32 | judged_to_clip_ms u32 | sagittal 0.1 deg i16
TIME = 0x11  # clip_ms u32 | utc_ms u64 | utc offset of the patient's zone, minutes i16
PING = 0x12  # token u16
JOURNAL_READ = 0x13  # from id u32: notify every record from there on, then go on as records come
JOURNAL_ACK = 0x14  # id u32: everything up to and with it is safe
BUZZ = 0x15  # pattern u8: test and find-my-clip only, never a reminder
SET_PLAN = 0x16  # see `plan`
SET_CALIBRATION = 0x17  # see `calibration`
SET_SETTINGS = 0x18  # see `settings`
PAUSE = 0x19  # minutes u16
RESUME = 0x1A  # ends a pause or a snooze
SNOOZE = 0x1B  # minutes u16
UPDATE_BEGIN = 0x1C  # see `update`
UPDATE_DATA = 0x1D
UPDATE_END = 0x1E

LEASE_VALID_MS = 6000

_PAYLOAD = {
    LEASE: "<BIIh",
    TIME: "<IQh",
    PING: "<H",
    JOURNAL_READ: "<I",
    JOURNAL_ACK: "<I",
    BUZZ: "<B",
    PAUSE: "<H",
    RESUME: "<",
    SNOOZE: "<H",
}

EVENT_CHALLENGE = 1
EVENT_RESULT = 2  # op u8 | counter u32 | result u8
EVENT_PONG = 3  # token u16 | t_ms u32
EVENT_PAIRED = 4
EVENT_FRAGMENT = 5
EVENT_UPDATE = 6  # at u32: so many bytes of the image are safely written

OK = 0
REFUSED_UNKNOWN_GATEWAY = 1
REFUSED_PROOF = 2
REFUSED_SEAL = 3
REFUSED_MALFORMED = 4
REFUSED_OLD_VERSION = 5
REFUSED_OUT_OF_RANGE = 6
REFUSED_BUSY = 7
REFUSED_NOT_PAIRING = 8
REFUSED_DIGEST = 9


def parse(op: int, payload: bytes) -> tuple[int, ...]:
    """Values of a payload. Raises MalformedError: unknown operation, wrong length or a value out of range."""
    layout = _PAYLOAD.get(op)
    if layout is None:
        raise MalformedError("op %d" % op)
    need(payload, struct.calcsize(layout), "op %d" % op)
    values = struct.unpack(layout, payload)
    if op == LEASE and (values[0] >= COUNT or values[1] > values[2]):
        raise MalformedError("lease")
    return values


def parse_hello(data: bytes) -> tuple[bytes, bytes]:
    """(gateway id, nonce). Raises MalformedError."""
    need(data, 1 + GATEWAY_ID_SIZE + NONCE_SIZE, "hello")
    return bytes(data[1 : 1 + GATEWAY_ID_SIZE]), bytes(data[1 + GATEWAY_ID_SIZE :])


def parse_auth(data: bytes) -> bytes:
    """The proof. Raises MalformedError."""
    need(data, 1 + PROOF_SIZE, "auth")
    return bytes(data[1:])


def pack_challenge(nonce: bytes, proof: bytes) -> bytes:
    """The clip's answer to a hello."""
    return bytes([EVENT_CHALLENGE]) + nonce + proof


def pack_result(op: int, counter: int, result: int) -> bytes:
    """The clip's answer to an operation; `counter` is 0 for the handshake."""
    return struct.pack("<BBIB", EVENT_RESULT, op, counter, result)


def pack_pong(token: int, t_ms: int) -> bytes:
    """The clip's answer to a ping: its time when it read the ping."""
    return struct.pack("<BHI", EVENT_PONG, token, t_ms)
