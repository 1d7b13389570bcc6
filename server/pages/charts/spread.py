"""The spread of inclination: from P10 to P90, with P50, zero and the plan's angle on one scale."""

from __future__ import annotations

import math

from markupsafe import Markup

from server.pages.charts.svg import element, number, picture


def spread(p10: float, p50: float, p90: float, plan_angle: float | None, *, label: str) -> Markup:
    """A small horizontal picture, degrees from left to right."""
    low = math.floor(min(p10 - 3, -10) / 10) * 10
    high = math.ceil(max(p90 + 3, 30, (plan_angle or 0) + 5) / 10) * 10

    def at(degrees: float) -> str:
        return f"{number(100 * (degrees - low) / (high - low))}%"

    step = 10 if high - low <= 80 else 20
    marks: list[Markup] = []
    for degrees in range(low, high + 1, step):
        anchor = "start" if degrees == low else "end" if degrees == high else "middle"
        marks.append(element("line", class_="grid", x1=at(degrees), x2=at(degrees), y1=8, y2=44))
        marks.append(
            element("text", f"{degrees}°".replace("-", "−"), class_="tick", x=at(degrees), y=60, text_anchor=anchor)
        )
    marks.append(element("line", class_="zero", x1=at(0), x2=at(0), y1=8, y2=44))
    if plan_angle is not None:
        marks.append(element("line", class_="plan-angle", x1=at(plan_angle), x2=at(plan_angle), y1=4, y2=44))
    width = f"{number(100 * (p90 - p10) / (high - low))}%"
    marks.append(element("rect", class_="range", x=at(p10), y=18, width=width, height=16, rx=3))
    marks.append(element("line", class_="middle", x1=at(p50), x2=at(p50), y1=13, y2=39))
    return picture(marks, height=66, label=label, class_="spread")
