"""A few lines that write SVG elements with everything escaped."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape


def number(value: float) -> str:
    """A coordinate, with at most two decimals."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def element(name: str, content: Iterable[Markup] | str = (), /, **attributes: str | float | None) -> Markup:
    """`<name ...>content</name>`. In attribute names a trailing `_` is dropped and `_` becomes `-`; None is left out.

    Text content is escaped; a list is taken as finished markup.
    """
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), value if isinstance(value, str) else number(value))
        for key, value in attributes.items()
        if value is not None
    )
    inside = escape(content) if isinstance(content, str) else Markup("").join(content)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), written, inside)  # noqa: S704 - names are ours


def picture(content: Iterable[Markup], *, height: float, label: str, class_: str) -> Markup:
    """A chart as wide as its place and `height` px high. `label` is read out instead of the drawing."""
    return element("svg", content, class_=f"chart {class_}", width="100%", height=height, role="img", aria_label=label)


def tip(text: str) -> Markup:
    """What a pointer resting on the mark is told."""
    return element("title", text)
