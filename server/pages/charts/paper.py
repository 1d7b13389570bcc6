"""Charts for paper: SVG drawn on the server, from the specifications that browsers draw, in the print colours of the
style sheet."""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from markupsafe import Markup

from server.pages.charts.palette import defs
from server.pages.charts.vega import CONFIG, Spec

FONT: Final = "Libertinus Serif"
"""Is part of what typesets reports, so that paper looks the same wherever it is made."""
_STYLE: Final = Path(__file__).parents[1] / "static" / "plumbline.css"
_BLOCK: Final = re.compile(r":root \{(.*?)\}", re.DOTALL)
_TOKEN: Final = re.compile(r"--([a-z0-9-]+):\s*([^;]+);")
_USED: Final = re.compile(r"var\(--([a-z0-9-]+)\)")


@cache
def tokens() -> dict[str, str]:
    """The style sheet's colours on paper: those of the light page, and what printing changes of them."""
    sheet = _STYLE.read_text(encoding="utf-8")
    printed = sheet[sheet.index("@media print") :]
    found: dict[str, str] = {}
    for part in (sheet, printed):
        block = _BLOCK.search(part)
        found.update(_TOKEN.findall(block.group(1)) if block else ())
    return found


def inked(text: str) -> str:
    """`text` with its `var(--name)` written out. Raises KeyError for a colour that there is not."""
    return _USED.sub(lambda used: tokens()[used.group(1)], text)


def drawn(spec: Spec, width: int) -> str:
    """The chart as SVG, `width` px wide, that needs nothing around it."""
    return inked(_drawn(json.dumps(spec, sort_keys=True), width).replace(">", f">{defs()}", 1))


def inline(spec: Spec, width: int) -> Markup:
    """The same for a page that has `palette.patterns` and the style sheet, in the colours of the page."""
    return Markup(_drawn(json.dumps(spec, sort_keys=True), width))  # noqa: S704 - its words were escaped by the drawing


@lru_cache(maxsize=64)
def _drawn(text: str, width: int) -> str:
    # Tens of megabytes that only a server which makes reports needs.
    import vl_convert  # noqa: PLC0415

    spec = json.loads(text)
    return vl_convert.vegalite_to_svg({**spec, "width": width, "config": {**CONFIG, "font": FONT}})
