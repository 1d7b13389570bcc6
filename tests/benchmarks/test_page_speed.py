"""How much of the processor each page takes, for each role that may open it, when the store is full; and that no page
asks the store more often for many patients than for few.

`PLUMBLINE_HYPOTHESIS=long python -m pytest tests/benchmarks/test_page_speed.py -s` tells the milliseconds with 200
patients of a year.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import numpy as np
import pytest
from sqlalchemy import Engine, delete, event, func, insert, literal, select

from server.audit.trail import Entry, append
from server.diary.pain import add_pain
from server.store import epoch_blob, reading, writing
from server.store.tables import (
    assignment,
    audit_entry,
    audit_head,
    care_relation,
    clip_status,
    daily,
    epoch_hour,
    pain_entry,
    patient,
    plan,
    stale_day,
)
from tests.benchmarks.wearers import START_MS
from tests.benchmarks.years import DAY_MS, HOUR_MS, MEASURED, copy, live_through, rebuild
from tests.server.access.conftest import ADA, Town, settled, town
from tests.server.access.decisions import ADMITTED, BEFORE_A_SESSION, Who
from tests.server.access.test_walk import all_routes
from tests.server.conftest import GATEWAY, TODAY, ZONE, filled

__all__ = ["filled", "settled", "town"]

LONG: Final = os.environ.get("PLUMBLINE_HYPOTHESIS") == "long"
PATIENTS, DAYS, AGAIN = (200, 365, 40) if LONG else (12, 36, 1)
"""In the care of one therapist, days of each, and times that each page is opened."""
LOOKS: Final = 3000 if LONG else 30
"""Entries of the trail about each."""
TIMES_DECODING: Final = 300
"""A page takes at most so many times the decoding of a day's hours, a third of a millisecond where it was set."""
VISITORS: Final = (Who.CARER, Who.SELF, Who.ADMINISTRATOR)
NO_PAGES: Final = {"/healthz", "/readyz", "/metrics", "/app-worker.js", "/app.webmanifest"}
DOWNLOADS: Final = {"/patients/{patient_id}/export", "/patients/{patient_id}/report.pdf"}
"""Files that are made when asked for."""


def pages(town: Town) -> Iterator[tuple[Who, str]]:
    """Every page of the route table, for each that may open it."""
    for route in all_routes(town):
        method, path = route.split(" ")
        if (
            method == "GET"
            and not path.startswith("/api/")
            and path not in NO_PAGES | DOWNLOADS
            and route not in BEFORE_A_SESSION
        ):
            yield from ((who, path) for who in VISITORS if who in ADMITTED[route])


def live(town: Town) -> None:
    """Give Ada her days, pain, and who looked."""
    engine, now_ms = town.clinic.engine, town.clinic.now_ms
    live_through(engine, ADA, range(2, DAYS), TODAY - timedelta(days=1), START_MS + DAY_MS, now_ms)
    look = Entry("U-1", "therapist", "care", "page", "192.0.2.7", "see day", "P-0001", "allowed")
    with writing(engine) as db:
        append(db, [look] * LOOKS, now_ms - 5 * DAY_MS)
        for back in range(60):
            add_pain(db, ADA, 3 + back % 3, now_ms - back * DAY_MS)
    rebuild(engine, now_ms)


def crowd(town: Town) -> None:
    """Give Mara patients as Ada, with all that she has; everybody is worn this minute."""
    engine, now_ms = town.clinic.engine, town.clinic.now_ms
    with writing(engine) as db:
        first = 1 + (db.scalar(select(func.max(patient.c.id))) or 0)
        mine = db.scalar(select(func.count()).where(care_relation.c.user_id == town.accounts["mara"])) or 0
        numbers = range(first, first + PATIENTS - mine)
        for number in numbers:
            clip = f"{number:015x}f"
            name, began = f"Patient {number}", now_ms - DAYS * DAY_MS
            own = {
                "pseudonym": f"P-{number:04d}",
                "name": name,
                "zone": ZONE.key,
                "simulated": True,
                "created_ms": began,
            }
            db.execute(insert(patient).values(id=number, **own))
            db.execute(insert(assignment).values(clip=clip, gateway=None, patient_id=number, start_ms=began))
            told = {"clip": clip, "gateway": GATEWAY, "link": "live", "battery_pct": 80, "firmware": "0.1.0"}
            told |= {"plan_version": 1, "calibration_version": 1, "journal_waiting": 0, "simulated": True}
            db.execute(insert(clip_status).values(seen_ms=now_ms - 20_000, **told))
            relation = {"user_id": town.accounts["mara"], "patient_id": number, "start_ms": began}
            db.execute(insert(care_relation).values(**relation))
    copy(engine, ADA, numbers[0], numbers[-1], (*MEASURED, plan, pain_entry))
    rng = np.random.default_rng(1)
    with writing(engine) as db:
        for number in numbers:  # nobody's days are the same as another's
            gone = [(TODAY - timedelta(days=int(back))).isoformat() for back in rng.integers(1, DAYS, DAYS // 8)]
            db.execute(delete(daily).where(daily.c.patient_id == number, daily.c.date.in_(gone)))
        entries, head = audit_entry.c, db.scalar(select(func.max(audit_entry.c.number))) or 0
        shown = [column for column in entries if column.name not in ("number", "patient")]
        looked = (
            select((entries.number + patient.c.id * head).label("number"), patient.c.pseudonym.label("patient"), *shown)
            .join_from(patient, audit_entry, entries.patient == "P-0001")
            .where(patient.c.id.in_(numbers))
        )
        db.execute(insert(audit_entry).from_select([column.name for column in looked.selected_columns], looked))
        db.execute(audit_head.update().values(number=select(func.max(entries.number)).scalar_subquery()))
        today = TODAY.isoformat()
        db.execute(daily.update().where(daily.c.date == today).values(computed_ms=now_ms - 60_000))
        worn = select(daily.c.patient_id, literal(today), literal(1)).where(daily.c.date == today)
        db.execute(insert(stale_day).from_select(["patient_id", "date", "marks"], worn))


@contextmanager
def counting(engine: Engine) -> Iterator[list[str]]:
    """What the store is asked, with no word of how many it is asked about."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(re.sub(r"\(\?\)(, \(\?\))*", "(?)", re.sub(r"\?(, \?)*", "?", statement)))

    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


async def opened(town: Town) -> dict[tuple[Who, str], tuple[float, Counter[str]]]:
    """Each page once: ms of our processor, and what the store was asked."""
    found = {}
    clients = {who: town.visitor(who) for who in VISITORS}
    for who, path in pages(town):
        with counting(town.clinic.engine) as asked:
            began = time.process_time()
            answer = await clients[who].get(town.address(path))
            took = 1000 * (time.process_time() - began)
        assert answer.status_code in (200, 303), (who, path)
        found[who, path] = (took, Counter(asked))
    for client in clients.values():
        await client.aclose()
    return found


def decode_ms(engine: Engine) -> float:
    """The least that the decoding of Ada's yesterday takes."""
    with reading(engine) as db:
        hour = epoch_hour.c.hour
        day = hour.between((START_MS + DAY_MS) // HOUR_MS, (START_MS + DAY_MS) // HOUR_MS + 8)
        blobs = db.scalars(select(epoch_hour.c.blob).where(epoch_hour.c.patient_id == ADA, day)).all()
    took = []
    for _ in range(30):
        began = time.process_time()
        for blob in blobs:
            epoch_blob.decode(blob)
        took.append(1000 * (time.process_time() - began))
    return min(took)


@pytest.mark.timeout(3600 if LONG else 120)
async def test_pages(town: Town, record_property: Callable[[str, object], None], capsys: Any) -> None:
    live(town)
    before = await opened(town)
    crowd(town)
    after = [await opened(town) for _ in range(AGAIN)]
    more = {page: asked - before[page][1] for page, (_, asked) in after[0].items() if asked - before[page][1]}
    reference = decode_ms(town.clinic.engine)
    took = {page: [one[page][0] for one in after] for page in before}
    p50, p95 = ({page: float(np.percentile(ms, share)) for page, ms in took.items()} for share in (50, 95))
    slowest = sorted(took, key=lambda page: -p95[page])
    record_property("pages", json.dumps({f"{who} {path}": (p50[who, path], p95[who, path]) for who, path in slowest}))
    with capsys.disabled():
        print(
            f"\n{PATIENTS} patients of {DAYS} days, ms of our processor (p50, p95), decoding a day {reference:.2f} ms:"
        )
        for who, path in slowest if LONG else slowest[:5]:
            print(f"{p50[who, path]:8.1f} {p95[who, path]:8.1f}  {path} ({who.name.lower()})")
    assert more == {}
    assert max(p95.values()) <= TIMES_DECODING * reference
