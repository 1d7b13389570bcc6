"""How much must have been worn before a day's figures are shown.

Worn for at least 4 h or 60 % of the window, whichever is less, and for 60 % of the window so far. For a day that is
over the second asks for no less than the first. A day still running shows its figures as "so far", so that only the
second is asked of it; what remains in both cases is one rule.
"""

from __future__ import annotations

from typing import Final

SHARE_PCT: Final = 60


def shortfall(worn_s: int, elapsed_s: int, window_s: int) -> str | None:
    """What is missing, in words; None when the figures may be shown. `elapsed_s` is the window so far."""
    if window_s == 0:
        return "no window on this day"
    if elapsed_s == 0:
        return "the window has not begun"
    if worn_s == 0:
        return "not worn"
    if 100 * worn_s < SHARE_PCT * elapsed_s:
        share = min(round(100 * worn_s / elapsed_s), SHARE_PCT - 1)
        return f"worn for {share or 'less than 1'} % of the window, {SHARE_PCT} % are needed"
    return None
