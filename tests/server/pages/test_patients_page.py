"""The list: who needs a look comes first and it says why."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import update

from server.store import writing
from server.store.tables import clip_status, gateway


async def get(clinic: Any) -> str:
    client = await clinic.signed_in()
    answer = await client.get("/patients")
    await client.aclose()
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", str(answer.text))


def order(page: str) -> list[str]:
    return re.findall(r"<h[23][^>]*>(?:<a [^>]*>)?([^<]+)<", page)


async def test_order_is_by_need_then_by_share(clinic: Any) -> None:
    assert order(await get(clinic)) == [
        "Worth a look", "Ben Okafor", "Cleo Marchetti",
        "Today", "Ada Keller", "Emil Sørensen",
        "No window today", "Dana Whitfield",
    ]  # fmt: skip


async def test_each_reason_names_its_size(clinic: Any) -> None:
    page = await get(clinic)
    assert "battery at 14 % · 48 % of today’s window lost" in page
    assert "plan 1 not confirmed for 3 h · 100 % of today’s window lost" in page


async def test_shares_stand_beside_their_coverage_and_not_without_enough(clinic: Any) -> None:
    page = await get(clinic)
    ada = page[page.index("Ada Keller") : page.index("Emil")]
    assert "Worn 4 h 40 min of 5 h 46 min so far (81 %)" in ada
    assert "<b>12 %</b><span>slouched</span>" in ada
    ben = page[page.index("Ben Okafor") : page.index("Cleo")]
    assert "<b>–</b><span>too little worn</span>" in ben


async def test_live_is_what_was_heard_lately(clinic: Any) -> None:
    assert "2 live now" in await get(clinic)
    clinic.now_ms += 6 * 60_000
    assert "0 live now" in await get(clinic)
    with writing(clinic.engine) as db:
        db.execute(update(gateway).values(seen_ms=clinic.now_ms))
    assert "2 live now" in await get(clinic)
    with writing(clinic.engine) as db:
        db.execute(update(gateway).values(online=False))
    assert "0 live now" in await get(clinic)


async def test_a_silent_clip_is_worth_a_look(clinic: Any) -> None:
    with writing(clinic.engine) as db:
        db.execute(update(gateway).values(seen_ms=clinic.now_ms - 30 * 3_600_000))
        db.execute(update(clip_status).values(battery_pct=None))
    page = await get(clinic)
    assert "nothing heard for 30 h" in page
    assert order(page)[0] == "Worth a look"
    assert len(order(page)) == 6


async def test_nobody_in_care_is_told_kindly(clinic: Any) -> None:
    clinic.add_person("new", "Nora Lund")
    client = await clinic.signed_in("new")
    page = (await client.get("/patients")).text
    await client.aclose()
    assert "No patients yet" in page
    assert "Patients appear here once they are in your care." in page
