"""The patient's own data as tables: what the gateway's file holds, at the server or not yet, a table a kind of record.

A minute is one row, made as everywhere: of each second the gateway's word, else the clip's. Of everything else that was
told again the last telling counts; an episode that clip and gateway both judged is two rows, by `judge`.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

from gateway import messages

Row = dict[str, Any]

LOST: Final = messages.CATEGORIES.index("lost")

_PLACED: Final[dict[str, type]] = {
    "utc": str,
    "utc_error_ms": int,
    "clip": str,
    "boot": str,
    "start_ms": int,
    "judge": str,
    "plan": int,
    "calibration": int,
    "simulated": bool,
    "at_server": bool,
}
COLUMNS: Final[dict[str, dict[str, type]]] = {
    "epochs": _PLACED
    | {f"{name}_s": int for name in messages.CATEGORIES}
    | {
        "sagittal_mean_deg": float,
        "sagittal_low_deg": int,
        "sagittal_high_deg": int,
        "lateral_mean_deg": int,
        "shifts": int,
        "celsius": int,
    },
    "episodes": _PLACED | {"duration_s": float, "peak_deg": float, "mean_deg": float, "end_reason": str},
    "reminders": _PLACED
    | {"slouched_since_ms": int, "angle_deg": float, "reason": str, "response": str, "response_s": float},
    "events": _PLACED | {"event": str, "value": int},
}
"""Columns of each table, and their types. Times: `utc` in ISO 8601, `start_ms` in the clip's own ms since its boot."""

_ALL: Final = (
    "SELECT n, clip, kind, record, 1 AS settled FROM settled UNION ALL SELECT n, clip, kind, record, 0 FROM waiting"
)
_IN_ORDER: Final = f"""
WITH every AS ({_ALL}),
  boots AS (SELECT clip, json_extract(record, '$.boot') AS boot, min(n) AS first FROM every GROUP BY 1, 2)
SELECT record, settled FROM every JOIN boots ON every.clip = boots.clip AND json_extract(record, '$.boot') = boots.boot
WHERE {{kinds}} AND ({{clip}}) ORDER BY every.clip, first, json_extract(record, '$.start_ms'), n
"""  # noqa: S608
_KINDS: Final = {
    "epochs": "kind = 'epoch'",
    "episodes": "kind = 'episode'",
    "reminders": "kind = 'reminder'",
    "events": "kind NOT IN ('epoch', 'episode', 'reminder', 'unreadable')",
}


def rows(db: sqlite3.Connection, table: str, clip: str | None = None) -> Iterator[Row]:
    """Rows of a table of COLUMNS, in order of time; of one clip or of all."""
    query = _IN_ORDER.format(kinds=_KINDS[table], clip="every.clip = :clip" if clip else "true")
    found = ((json.loads(record), bool(settled)) for record, settled in db.execute(query, {"clip": clip}))
    make = _MAKERS[table]
    for _, same in groupby(found, key=lambda one: (one[0]["clip"], one[0]["boot"], one[0]["start_ms"])):
        latest: dict[tuple[str, str], tuple[Row, bool]] = {}
        for record, settled in same:
            key = (record["judge"], record["kind"])
            if key not in latest or record["rev"] > latest[key][0]["rev"]:
                latest[key] = (record, settled)
        yield from make(list(latest.values()))


def _placed(record: Mapping[str, Any], *, settled: bool) -> Row:
    utc_ms = record["utc_ms"]
    when = None if utc_ms is None else datetime.fromtimestamp(utc_ms / 1000, UTC)
    return {
        "utc": None if when is None else when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "at_server": settled,
        **{name: record.get(name) for name in _PLACED if name not in {"utc", "at_server"}},
    }


def _minute(told: list[tuple[Row, bool]]) -> list[Row]:
    by_judge = {record["judge"]: record for record, _ in told}
    own = by_judge.get("gateway") or by_judge["clip"]
    other = by_judge.get("clip", own)
    seconds = Counter(
        int(a, 16) if int(a, 16) != LOST else int(b, 16) for a, b in zip(own["codes"], other["codes"], strict=True)
    )
    known = own if any(angle is not None for angle in own["sagittal"]) else other
    angles = [angle for angle in known["sagittal"] if angle is not None]
    return [
        _placed(own, settled=all(settled for _, settled in told))
        | {"judge": "both" if len(by_judge) > 1 else own["judge"]}
        | {f"{name}_s": seconds[code] for code, name in enumerate(messages.CATEGORIES)}
        | {
            "sagittal_mean_deg": round(sum(angles) / len(angles), 1) if angles else None,
            "sagittal_low_deg": known.get("low"),
            "sagittal_high_deg": known.get("high"),
            "lateral_mean_deg": known.get("lateral"),
            "shifts": own.get("shifts", 0),
            "celsius": own.get("celsius") if own.get("celsius") is not None else other.get("celsius"),
        }
    ]


def _episodes(told: list[tuple[Row, bool]]) -> list[Row]:
    return [
        _placed(record, settled=settled)
        | {"duration_s": record["duration_ms"] / 1000}
        | {name: record[name] for name in ("peak_deg", "mean_deg", "end_reason")}
        for record, settled in told
    ]


def _reminders(told: list[tuple[Row, bool]]) -> list[Row]:
    return [
        _placed(record, settled=settled)
        | {"slouched_since_ms": record["since_ms"], "response_s": record["response_ms"] / 1000}
        | {name: record[name] for name in ("angle_deg", "reason", "response")}
        for record, settled in told
    ]


def _events(told: list[tuple[Row, bool]]) -> list[Row]:
    return [
        _placed(record, settled=settled) | {"event": record["kind"], "value": record["value"]}
        for record, settled in told
    ]


_MAKERS: Final[dict[str, Callable[[list[tuple[Row, bool]]], list[Row]]]] = {
    "epochs": _minute,
    "episodes": _episodes,
    "reminders": _reminders,
    "events": _events,
}
