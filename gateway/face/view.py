"""What `plumbline gateway run` shows at a terminal: every clip, today so far, what waits for the server, the broker.

Each line says in words what its mark says, so that neither colour nor a special character is needed to read it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from rich.text import Text

from gateway import messages
from gateway.face import today
from gateway.face.asking import Answer, ClipNow
from gateway.face.today import SoFar
from gateway.first_steps import LINK_WORDS, in_words

Mark = Literal["good", "waits", "problem", "none"]

LOW_BATTERY_PCT: Final = 15
LABEL_WIDTH: Final = 9
_MARKS: Final[dict[Mark, tuple[str, str, str]]] = {
    "good": ("✓", "+", "green"),
    "waits": ("…", "~", "yellow"),
    "problem": ("!", "!", "bold red"),
    "none": (" ", " ", ""),
}
"""The sign, the same in ASCII, and a style that only repeats it."""
_IN_STEP: Final = ("live", "draining")


@dataclass(frozen=True)
class Line:
    """A line of the view: a label, a mark and what there is to say; a title has neither label nor mark."""

    text: str
    label: str = ""
    mark: Mark = "none"

    @property
    def title(self) -> bool:
        """Whether it begins a part."""
        return not self.label


def lines(now: Answer, days: Mapping[str, SoFar], broker: str, recent: Sequence[str]) -> list[Line]:
    """The view. `days`: today so far, by clip; `broker`: its address; `recent`: the newest warnings."""
    status = now.status
    assert status is not None  # noqa: S101  (see door.now)
    more = {one.clip: one for one in now.clips}
    shown: list[Line] = []
    for clip in status.clips:
        shown += _clip(clip, more.get(clip.clip, ClipNow(clip=clip.clip)), days.get(clip.clip), status.utc_ms)
    if not status.clips:
        shown += [Line("no clip yet"), Line("stop this and pair one: plumbline gateway pair", "next", "waits")]
    shown += [Line("to the server"), *_server(status, broker, connected=now.broker_connected)]
    told = (status.broker_problem, status.storage_problem, *(one.problem for one in now.clips))
    if news := [line for line in recent if not any(problem and problem in line for problem in told)]:
        shown += [Line("latest warnings"), *(Line(line, "log") for line in news)]
    return shown


def _clip(clip: messages.ClipStatus, now: ClipNow, day: SoFar | None, utc_ms: int) -> list[Line]:
    in_step = clip.link in _IN_STEP
    shown = [Line(f"clip {clip.clip}{', simulated' if clip.simulated else ''}"), _link(clip, now.problem, utc_ms)]
    if clip.battery_pct is not None:
        shown.append(_battery(clip.battery_pct))
    if now.posture is not None and in_step:
        shown.append(Line(in_words(now.posture), "now", "good"))
    elif in_step:
        shown.append(Line("nothing judged yet", "now", "waits"))
    if day is not None:
        shown += [Line(text, "today" if i == 0 else " ") for i, text in enumerate(today.in_words(day))]
    if clip.calibration_version == 0:
        shown.append(Line("not calibrated yet: plumbline gateway calibrate", "next", "waits"))
    if clip.journal_waiting and in_step:
        waiting = counted(clip.journal_waiting, "record")
        shown.append(Line(f"{waiting} still to fetch from the clip", "fetching", "waits"))
    return [*shown, *_small_print(clip, now, utc_ms)]


def _link(clip: messages.ClipStatus, problem: str, utc_ms: int) -> Line:
    link = LINK_WORDS[clip.link]
    if clip.link not in {"searching", "asleep"}:
        return Line(link, "link", "good" if clip.link in _IN_STEP else "waits")
    if clip.link_since_utc_ms is not None:
        link += f", for {today.duration(max(0, utc_ms - clip.link_since_utc_ms) // 1000)} now"
    if problem:
        link += f" ({problem})"
    elif clip.link == "searching":
        link += "; is it near, and charged?"
    return Line(link, "link", "problem" if clip.link == "asleep" else "waits")


def _battery(percent: int) -> Line:
    if percent <= LOW_BATTERY_PCT:
        return Line(f"{percent} %, charge it soon", "battery", "problem")
    return Line(f"{percent} %", "battery", "good")


def _small_print(clip: messages.ClipStatus, now: ClipNow, utc_ms: int) -> list[Line]:
    shown = []
    if now.clock_error_ms is not None and now.clock_utc_ms is not None:
        ago = today.duration(max(0, utc_ms - now.clock_utc_ms) // 1000)
        shown.append(Line(f"within {max(1, round(now.clock_error_ms))} ms, compared {ago} ago", "clock"))
    versions = (("plan", clip.plan_version), ("calibration", clip.calibration_version), ("firmware", clip.firmware))
    if known := [f"{name} {version}" for name, version in versions if version]:
        shown.append(Line(", ".join(known), "versions"))
    if clip.update:
        shown.append(Line(clip.update, "update", "waits"))
    return shown


def _server(status: messages.Status, broker: str, *, connected: bool) -> list[Line]:
    shown = [
        Line(f"connected to {broker}", "broker", "good")
        if connected
        else Line(f"not connected to {broker}", "broker", "problem" if status.broker_problem else "waits")
    ]
    if status.broker_problem:
        shown.append(Line(status.broker_problem, "problem", "problem"))
    waits = f"{counted(status.outbox_rows, 'record')} waiting" if status.outbox_rows else "nothing waits"
    if status.rejected_rows:
        waits += f"; {counted(status.rejected_rows, 'record')} rejected by the server"
    shown.append(Line(waits, "outbox", "waits" if status.outbox_rows else "good"))
    if status.thinned_rows:
        shown.append(Line(f"{counted(status.thinned_rows, 'record')} given up for want of room", " ", "problem"))
    if status.storage_problem:
        shown.append(Line(f"{status.storage_problem}; records stay on the clip meanwhile", "disk", "problem"))
    return shown


def counted(count: int, thing: str) -> str:
    """`1 record`, `2 records`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def render(shown: Sequence[Line], when: datetime, width: int, height: int, *, plain: bool) -> Text:
    """The view on a screen of so many characters and lines; `plain` keeps to ASCII marks. What has no room below is
    counted."""
    head = f"Plumbline gateway  {when:%H:%M:%S}  Ctrl-C stops it"
    rows: list[Text] = [Text(head[:width], style="bold")]
    for line in shown:
        rows += _rows(line, width, plain=plain)
    if len(rows) > height:
        hidden = len(rows) - height + 1
        more = f"{'...' if plain else '…'} {hidden} more lines: a larger window has room"
        rows = [*rows[: height - 1], Text(more[:width])]
    return Text("\n").join(rows)


def _rows(line: Line, width: int, *, plain: bool) -> list[Text]:
    if line.title:
        return [Text(part, style="bold") for part in textwrap.wrap(line.text, width)]
    sign, ascii_sign, style = _MARKS[line.mark]
    mark = ascii_sign if plain else sign
    text = line.text.encode("ascii", "replace").decode() if plain else line.text
    indent = min(LABEL_WIDTH + 5, width // 3)
    rows = []
    for i, part in enumerate(textwrap.wrap(text, max(8, width - indent)) or [""]):
        label = f"  {line.label:<{LABEL_WIDTH}} "[: indent - 2] if i == 0 else " " * (indent - 2)
        row = Text(label)
        row.append(mark if i == 0 else " ", style=style)
        row.append(f" {part}")
        rows.append(row)
    return rows
