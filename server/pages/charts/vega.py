"""Vega-Lite on a page: the specification as data, drawn by `static/charts.js` when it comes into view.

A figure without its table says nothing to who cannot see it and nothing without scripts: whoever places one places its
twin in words or as a table beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

Spec = dict[str, Any]
"""A Vega-Lite specification. It has data and height, and no colours but the style sheet's."""

CONFIG: Final[Spec] = {  # goes with every specification, and once into a page
    "aria": False,  # the figure around it has a name, and its twin the figures
    "mark": {"aria": False},
    "background": None,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--soft)",
        "titleColor": "var(--soft)",
        "gridColor": "var(--line)",
        "domainColor": "var(--line-strong)",
        "tickColor": "var(--line-strong)",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "labelPadding": 4,
    },
    "text": {"color": "var(--ink)", "fontSize": 11},
}


def chart(height: int, **parts: Any) -> Spec:
    """A specification as wide as its place and `height` px high in all, labels included."""
    fit = {"type": "fit", "contains": "padding"}
    return {"width": "container", "height": height, "autosize": fit, "padding": 2, **parts}


def named(values: Mapping[int, str]) -> str:
    """An expression that gives the label of an axis value out of a table, nothing for others."""
    table = json.dumps({str(value): words for value, words in values.items()}, ensure_ascii=False)
    return f"{table}['' + datum.value] || ''"


def figure(spec: Spec, *, label: str, class_: str = "") -> Markup:
    """The place of a chart on a page. `label` is read out instead of it; `class_` gives it the height of `spec`."""
    return Markup(
        '<div class="vega {}" role="img" aria-label="{}"><script type="application/vnd.vegalite+json">{}</script></div>'
        '<p class="reader soft small no-print" aria-hidden="true"></p>'
    ).format(class_, label, _data(spec))


def config() -> Markup:
    """What all charts of a page share, once a page."""
    return Markup('<script type="application/json" id="charts-config">{}</script>').format(_data(CONFIG))


def _data(spec: Spec) -> Markup:
    # As data, not code; "<" would end the element or begin a comment in it.
    text = json.dumps(spec, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return Markup(text)  # noqa: S704 - escaped for where it stands
