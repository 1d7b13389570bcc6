"""The numbers in the firmware's README are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from firmware.clip import journal, link
from firmware.clip.protocol import auth, category, control, plan, records, status, stream, uuids
from firmware.clip.wire import calibration

TEXT = (Path(__file__).parents[2] / "firmware" / "README.md").read_text()


def test_sizes() -> None:
    assert f"Plan ({plan.SIZE} bytes), calibration ({calibration.SIZE}), settings ({status.SETTINGS_SIZE})" in TEXT
    assert f"Status ({status.STATUS_SIZE} bytes)" in TEXT
    assert f"epoch ({records.EPOCH_SIZE} with header)" in TEXT
    boot = bytes(8)
    assert f"episode ({len(records.pack_episode(0, 1, boot, 0, 0, 0, 0, 0, 0, 0))})" in TEXT
    assert f"reminder ({len(records.pack_reminder(0, 1, boot, 0, 0, 0, 0, 0, 0, 0, 0))})" in TEXT
    assert f"events ({len(records.pack_event(16, boot, 0, 0, 0, 0))})" in TEXT
    assert f"summary ({stream.SUMMARY_SIZE} bytes)" in TEXT
    assert f"{journal.SEGMENTS} files of {journal.SLOTS} slots of {journal.SLOT_SIZE} bytes" in TEXT
    assert f"{(journal.SEGMENTS - 1) * journal.SLOTS:,} records" in TEXT
    assert 4 + records.EPOCH_SIZE + auth.TAG_SIZE + 3 <= uuids.MTU_STREAM, "no whole minute fits the smallest MTU"
    assert f"after {link.AUTHENTICATE_MS // 1000} s" in TEXT
    assert f"for {link.SILENCE_MS // 1000} s" in TEXT


def test_every_uuid_is_in_the_table() -> None:
    assert uuids.SERVICE in TEXT
    for name in ("STREAM", "EVENT", "CONTROL", "SETTINGS", "PLAN", "JOURNAL", "STATUS", "CALIBRATION"):
        assert re.search(rf"^\| {name.lower()} \| {getattr(uuids, name)[:9]}", TEXT, re.MULTILINE), name


def test_every_operation_is_in_the_table() -> None:
    operations = {
        "lease": control.LEASE,
        "time": control.TIME,
        "ping": control.PING,
        "journal read": control.JOURNAL_READ,
        "journal acknowledge": control.JOURNAL_ACK,
        "buzz": control.BUZZ,
        "set plan": control.SET_PLAN,
        "set calibration": control.SET_CALIBRATION,
        "set settings": control.SET_SETTINGS,
        "pause": control.PAUSE,
        "snooze": control.SNOOZE,
        "resume": control.RESUME,
        "hello": control.HELLO,
        "auth": control.AUTH,
    }
    for name, op in operations.items():
        assert f"0x{op:02X} {name}" in TEXT or f"| {name} | 0x{op:02X}" in TEXT, name


def test_codes_are_named_in_order() -> None:
    assert ", ".join(f"{i} {name}" for i, name in enumerate(control.RESULT_NAMES)) in TEXT
    listed = re.search(r"Categories: (.*?)\.", TEXT, re.DOTALL)
    assert listed is not None
    codes = [int(n) for n in re.findall(r"\b(\d+) [a-z]", listed[1])]
    assert codes == list(range(category.COUNT))
    for kind, name in records.KIND_NAMES.items():
        words = name.replace("_", " ").replace("imu", "sensor")
        assert f"{kind} {words}" in TEXT, name
