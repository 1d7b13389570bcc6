"""QR codes."""

from __future__ import annotations

import segno
from markupsafe import Markup


def qr_code(text: str) -> Markup:
    """The text as a QR code, dark on light in any colour scheme: some readers take nothing else."""
    drawn = segno.make(text, error="m", micro=False).svg_inline(border=4, dark="#000", light="#fff", omitsize=True)
    return Markup(drawn)  # noqa: S704 - drawn by the library, the text is in its pattern only
