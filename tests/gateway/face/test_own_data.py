"""The patient's own data: as tables, and removed."""

from __future__ import annotations

import asyncio
import csv
import importlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from gateway import config as configuration
from gateway import messages
from gateway.config import ClipConfig, GatewayConfig
from gateway.face import export, own_data, tables
from gateway.face.live_view import Days
from gateway.inside import FACE, OWNER
from gateway.ledger import Ledger
from gateway.outbox import Outbox
from gateway.thinning import Limits
from tests.gateway.face.conftest import running
from tests.gateway.fake_clip import KEY, SERIAL

Call = Callable[..., Result]
OTHER = "00000000c11b0002"
UTC_MS = 1_795_000_000_000
LATER_BOOT, BOOT = "00000000000000a1", "00000000000000b1"


def placed(start_ms: int, **fields: Any) -> dict[str, Any]:
    return {
        "clip": SERIAL,
        "boot": BOOT,
        "judge": "gateway",
        "start_ms": start_ms,
        "rev": 1,
        "utc_ms": UTC_MS + start_ms,
        "utc_error_ms": 5,
        "plan": 3,
        "calibration": 1,
    } | fields


def epoch(start_ms: int, codes: str, angle: int | None = 10, **fields: Any) -> messages.Epoch:
    return messages.Epoch(**placed(start_ms, codes=codes, sagittal=(angle,) * 30, **fields))


def put(settings: GatewayConfig) -> None:
    """Some of everything, half of it settled."""
    with Outbox(settings.database, lambda: UTC_MS, Limits()) as outbox:
        outbox.put(
            [
                epoch(0, "a" * 60),
                epoch(0, "9" * 30 + "1" * 30, rev=2, low=-4, high=30, lateral=2, shifts=1),
                epoch(0, "8" * 60, judge="clip", celsius=31),
                messages.Episode(
                    **placed(1000, duration_ms=90_500, peak_deg=30.5, mean_deg=21, end_reason="recovered")
                ),
                messages.Unreadable(clip=SERIAL, journal_id=5),
            ]
        )
        batch = outbox.next_batch(100)
        assert batch is not None
        outbox.settle(batch.spool, batch.first, batch.last, [messages.Rejected(n=batch.last, reason="unreadable")])
        outbox.put(
            [
                epoch(0, "1" * 60, None, boot=LATER_BOOT, utc_ms=None, utc_error_ms=None),
                messages.Reminder(
                    **placed(5000, since_ms=4000, angle_deg=20, reason="given", response="prompt", response_ms=1500)
                ),
                messages.Event(**placed(0, kind="boot", value=4)),
                messages.Event(**placed(0, kind="paused", value=30)),
                epoch(60_000, "a" * 60, clip=OTHER, judge="clip"),
            ]
        )
        clips = tuple(messages.ClipStatus(clip=clip, link="live") for clip in (SERIAL, OTHER))
        last = messages.Status(schema="status/1", online=True, utc_ms=UTC_MS, clips=clips, outbox_rows=5)
        outbox.set(OWNER, {FACE: messages.encode(last)})
        outbox.keep("stream", "too short", SERIAL.encode())
        for clip in (SERIAL, OTHER):
            Ledger(outbox, clip).plan = messages.Plan(version=2)
            outbox.set(f"thinned/{clip}", {BOOT: b"1"})
            outbox.answer(messages.Reply(schema="reply/1", id=clip, clip=clip, result="done"))


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_export(settings: GatewayConfig, call: Call, tmp_path: Path) -> None:
    put(settings)
    folder = tmp_path / "own"
    done = call("export", str(folder))
    assert done.exit_code == 0, done.output
    assert f"{folder / 'epochs.csv'}: 3 rows" in done.output
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o077 == 0

    first, second, third = table(folder, "epochs")
    assert {name: first[name] for name in ("slouched_s", "leaning_right_s", "upright_s", "lost_s", "judge")} == {
        "slouched_s": "30",
        "leaning_right_s": "30",
        "upright_s": "0",
        "lost_s": "0",
        "judge": "both",
    }
    assert (first["utc"], first["at_server"], first["celsius"]) == ("2026-11-18T11:06:40.000Z", "yes", "31")
    assert (first["sagittal_mean_deg"], first["sagittal_high_deg"], first["lateral_mean_deg"]) == ("10.0", "30", "2")
    assert (second["boot"], second["utc"], second["sagittal_mean_deg"], second["lost_s"]) == (LATER_BOOT, "", "", "60")
    assert (third["clip"], third["judge"], third["at_server"]) == (OTHER, "clip", "no")
    for row in (first, second, third):
        assert sum(int(row[f"{name}_s"]) for name in messages.CATEGORIES) == 60
    (episode,) = table(folder, "episodes")
    assert (episode["duration_s"], episode["peak_deg"], episode["end_reason"]) == ("90.5", "30.5", "recovered")
    (reminder,) = table(folder, "reminders")
    assert (reminder["reason"], reminder["response_s"], reminder["at_server"]) == ("given", "1.5", "no")
    assert [(event["event"], event["value"]) for event in table(folder, "events")] == [("boot", "4"), ("paused", "30")]

    assert call("export", str(folder), "--clip", "77").exit_code == 1


def test_export_of_one_clip(settings: GatewayConfig, call: Call, tmp_path: Path) -> None:
    put(settings)
    assert call("export", str(tmp_path / "own"), "--clip", SERIAL[-4:]).exit_code == 0
    assert {row["clip"] for row in table(tmp_path / "own", "epochs")} == {SERIAL}


def test_export_says_what_is_missing(call: Call, settings: GatewayConfig, tmp_path: Path) -> None:
    done = call("export", str(tmp_path / "own"))
    assert done.exit_code == 1
    assert "has not run yet" in done.output
    put(settings)
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = call("export", str(blocked / "own"))
    assert done.exit_code == 1
    assert "cannot write to" in done.output


def test_parquet(settings: GatewayConfig, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    put(settings)
    monkeypatch.setattr(tables, "ROWS_A_PIECE", 2)
    done = call("export", str(tmp_path / "own"), "--format", "parquet")
    assert done.exit_code == 0, done.output
    assert "epochs.parquet: 3 rows" in done.output
    assert {file.name for file in (tmp_path / "own").glob("*.parquet")} == {
        f"{name}.parquet" for name in export.COLUMNS
    }
    file = parquet.ParquetFile(tmp_path / "own" / "epochs.parquet")
    assert file.metadata.num_row_groups == 2  # a piece at a time
    told = file.read()
    assert told.column_names == list(export.COLUMNS["epochs"])
    kinds = {name: told.schema.field(name).type for name in ("utc", "simulated", "sagittal_mean_deg")}
    assert kinds == {"utc": arrow.string(), "simulated": arrow.bool_(), "sagittal_mean_deg": arrow.float64()}
    assert told["simulated"].to_pylist() == [False] * 3
    assert call("export", str(tmp_path / "csv")).exit_code == 0
    assert told["utc"].to_pylist() == [row["utc"] or None for row in table(tmp_path / "csv", "epochs")]


def test_without_pyarrow_it_says_how_to_get_it(
    settings: GatewayConfig, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    put(settings)
    monkeypatch.setattr("gateway.face.tables.importlib.import_module", missing)
    done = call("export", str(tmp_path / "own"), "--format", "parquet")
    assert done.exit_code == 1
    assert "plumbline[parquet]" in done.output


def test_pieces() -> None:
    rows = [{"n": i} for i in range(7)]
    assert [len(piece) for piece in tables.pieces(rows, 3)] == [3, 3, 1]
    assert [row for piece in tables.pieces(rows, 3) for row in piece] == rows
    assert list(tables.pieces([], 3)) == []


# --- forget ---


@pytest.fixture
def two_clips(settings: GatewayConfig, config_file: Path) -> GatewayConfig:
    both = settings.with_clip(ClipConfig(serial=OTHER, key=KEY.hex()))
    configuration.save(config_file, both)
    return both


def rows_of(settings: GatewayConfig, clip: str) -> int:
    """How often the file names a clip."""
    return sum(clip in line for line in sqlite3.connect(settings.database).iterdump())


def test_forget(two_clips: GatewayConfig, call: Call, config_file: Path) -> None:
    put(two_clips)
    kept = rows_of(two_clips, OTHER)
    assert call("forget", "--yes").exit_code == 1, "which clip was not said"
    done = call("forget", "--clip", SERIAL[-4:], "--yes")
    assert done.exit_code == 1
    assert "4 records" in done.output
    assert "--even-unsent" in done.output
    done = call("forget", "--clip", SERIAL[-4:], "--even-unsent", input="n\n")
    assert done.exit_code == 1
    assert "the server does not have 4 of them" in done.output
    assert rows_of(two_clips, SERIAL) > 0

    done = call("forget", "--clip", SERIAL[-4:], "--even-unsent", input="y\n")
    assert done.exit_code == 0, done.output
    assert rows_of(two_clips, SERIAL) == 0
    assert rows_of(two_clips, OTHER) == kept
    assert [clip.serial for clip in configuration.load(config_file).clips] == [OTHER]
    last = own_data.last_status(two_clips.database)
    assert last is not None
    assert ([clip.clip for clip in last.clips], last.outbox_rows) == ([OTHER], 1)
    files = two_clips.data_dir.glob("gateway.db*")
    assert not [file for file in files if SERIAL.encode() in file.read_bytes()]
    with Outbox(two_clips.database, lambda: UTC_MS, Limits()) as outbox:
        assert outbox.waiting == 1


def test_forget_what_is_all_at_the_server_needs_no_more_words(settings: GatewayConfig, call: Call) -> None:
    assert call("forget", "--yes").exit_code == 0, "nothing is held yet"
    again = call("forget", "--yes")
    assert again.exit_code == 1
    assert "no clip is paired" in again.output


async def test_forget_refuses_while_the_gateway_runs(settings: GatewayConfig, call: Call) -> None:
    async with running(settings):
        done = await asyncio.to_thread(call, "forget", "--yes")
    assert done.exit_code == 1
    assert "the gateway runs: stop it first" in done.output


def test_a_file_that_is_no_database_is_said(settings: GatewayConfig, call: Call, tmp_path: Path) -> None:
    settings.data_dir.mkdir()
    settings.database.write_bytes(b"something else" * 500)
    for arguments in (("export", str(tmp_path / "own")), ("forget", "--yes")):
        done = call(*arguments)
        assert done.exit_code == 1
        assert "not a database" in done.output


def test_today_so_far_of_each_clip(settings: GatewayConfig) -> None:
    put(settings)
    with Outbox(settings.database, lambda: UTC_MS, Limits()) as outbox:
        Ledger(outbox, SERIAL).plan = messages.Plan(
            version=3, days=tuple(range(7)), start="00:00", end="24:00", zone="Asia/Kolkata"
        )
        days = Days(settings.database, [SERIAL, OTHER])
        first = days.so_far(UTC_MS + 90_000)[SERIAL]
        assert (first.worn_s, first.slouched_s, first.reminders, first.planned) == (60, 30, 1, True)
        outbox.put([epoch(60_000, "9" * 60)])
        later = days.so_far(UTC_MS + 150_000)[SERIAL]
        assert (later.worn_s, later.slouched_s) == (120, 90)
        assert later.elapsed_s == first.elapsed_s + 60
        tomorrow = days.so_far(UTC_MS + 86_400_000)[SERIAL]
        assert (tomorrow.worn_s, tomorrow.reminders) == (0, 0)


def test_when_a_clip_was_last_heard_of(settings: GatewayConfig) -> None:
    put(settings)
    with own_data.reading(settings.database) as db:
        assert own_data.last_heard(db, SERIAL) == UTC_MS
        assert own_data.last_heard(db, "f" * 16) is None


def test_what_was_put_in_since(settings: GatewayConfig) -> None:
    put(settings)
    with own_data.reading(settings.database) as db:
        newest, found = own_data.put_since(db, UTC_MS, 0)
        assert len(found) == 9
        assert own_data.put_since(db, UTC_MS, newest) == (newest, [])
        assert own_data.put_since(db, UTC_MS + 1, 0) == (newest, [])
