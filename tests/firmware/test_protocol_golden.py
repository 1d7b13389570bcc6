"""Golden vectors of the Bluetooth contract: fixed bytes that both interpreters write and read alike."""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware.clip import protocol

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "vectors" / "protocol.json").read_text())
KEY = bytes(range(32))
GATEWAY = bytes.fromhex("0123456789abcdef")


def vector(what: str, at: int = 0) -> bytes:
    return bytes.fromhex([case["bytes"] for case in VECTORS if case["what"] == what][at])


def test_each_interpreter_writes_and_reads_the_vectors(either: Callable[..., Any]) -> None:
    answers = either("vectors.py", [{k: case[k] for k in ("what", "given", "bytes")} for case in VECTORS])
    for case, (written, read) in zip(VECTORS, answers, strict=True):
        assert written == case["bytes"], case["what"]
        assert read == case["read"], case["what"]


def test_a_stream_packet_byte_by_byte() -> None:
    packet = vector("stream", 2)
    assert packet[:8] == bytes([0x13, 4, 0x01, 0x02]) + struct.pack("<I", 123456789)
    # The first sample: w is the largest of four equal ones, so 0, and the others are 1/2 in 15 bits.
    half = 16384 + round(16384 * 2**0.5 / 2)
    bits = int.from_bytes(packet[8:14], "little")
    assert [bits & 3, bits >> 2 & 0x7FFF, bits >> 17 & 0x7FFF, bits >> 32 & 0x7FFF] == [0, half, half, half]
    assert packet[14] == 6  # sqrt(4 * 12 mg)
    assert packet[-6:] == bytes([protocol.stream.log_code(1234), protocol.stream.log_code(56), 3, 100, 0xF4, 0])


def test_an_epoch_byte_by_byte() -> None:
    record = vector("epoch")
    assert len(record) == protocol.records.EPOCH_SIZE
    assert record[:16] == bytes([1, 1, 0, 1]) + bytes.fromhex("feedfacecafebeef") + struct.pack("<I", 60000)
    assert record[16:20] == struct.pack("<HH", 5, 2)
    assert record[20] == 0xAA  # seconds 0 and 1, the first in the low half
    assert record[20 + 29] == 0xAA
    assert record[20 + 10] == 0x99


def test_keys_are_hmac_sha256() -> None:
    nonces = bytes(range(16)) + bytes(range(100, 116))
    assert vector("proof") == hmac.digest(KEY, b"clip" + GATEWAY + nonces, "sha256")[:16]
    assert vector("session_key") == hmac.digest(KEY, b"sess" + GATEWAY + nonces, "sha256")
    sealed = vector("seal")
    assert sealed[:-8] == bytes([protocol.control.PING, 1, 2]) + struct.pack("<I", 1)
    assert sealed[-8:] == hmac.new(KEY, sealed[:-8], hashlib.sha256).digest()[:8]


def test_every_kind_of_record_and_operation_has_a_vector() -> None:
    kinds = {case["read"]["kind"] for case in VECTORS if case["what"] in ("epoch", "episode", "reminder", "event")}
    assert kinds == set(protocol.records.KIND_NAMES)
    operations = {case["given"][0] for case in VECTORS if case["what"] == "operation"}
    control = protocol.control
    assert operations == {
        control.LEASE,
        control.TIME,
        control.PING,
        control.JOURNAL_READ,
        control.JOURNAL_ACK,
        control.BUZZ,
        control.PAUSE,
        control.RESUME,
        control.SNOOZE,
    }
