"""The report on a terminal, in at most 100 columns."""

from __future__ import annotations

from rich.console import Console
from rich.table import Column, Table

from . import energy, load
from .report import Report

WIDTH = 100
HOW_LOADED = (
    "The processor's time is an estimate, not tried on a board: measured here in one process of a 32-bit interpreter, "
    "without system calls and the bus, and carried over by two loops of whole numbers, run in turns with it, whose "
    "time is known for the chips at other clocks. "
    "From left to right: the least and the most that it may be."
)
UNMEASURED = "None of these currents was measured on this hardware. Where they are from:"


def show(console: Console, report: Report) -> None:
    """Print a report."""
    console.width = min(WIDTH, console.width) if console.is_terminal else WIDTH
    bars = Table("budget", Column("measured", justify="right"), "bar", "")
    for bar in report.bars:
        side = "at least" if bar.least else "at most"
        verdict = "passed" if bar.passed else "MISSED"
        bars.add_row(bar.name, f"{bar.value:,.1f} {bar.unit}", f"{side} {bar.limit:,g} {bar.unit}", verdict)
    console.print(bars)
    if report.failure:
        console.print(f"The day failed: {report.failure}")
    if report.figures:
        figures = Table("figure, without a bar", Column("measured", justify="right"))
        for figure in report.figures:
            figures.add_row(figure.name, f"{figure.value:,.1f} {figure.unit}")
        console.print(figures)
    if report.load is not None:
        console.print(_load_table(report.load))
        console.print(f"{HOW_LOADED} {load.PUBLISHED}.\n")
    if report.energy:
        console.print(_energy_table(report.energy))
        console.print(UNMEASURED)
        for name, source in _sources(report.energy):
            console.print(f"* {name}: {source}.", highlight=False)
        console.print(f"\n{energy.RESTLESS}", highlight=False)


def _load_table(measured: load.Load) -> Table:
    table = Table("share of the processor's time", Column("here, ms a second", justify="right"))
    for chip in energy.CHIPS:
        table.add_column(f"{chip} at {load.CLOCK_MHZ} MHz", justify="right")
    for name, seconds in measured.parts.items():
        table.add_row(name, f"{seconds * 1000:.2f}", *(_range(measured, chip, seconds) for chip in energy.CHIPS))
    table.add_section()
    whole = measured.second
    table.add_row("together", f"{whole * 1000:.2f}", *(_range(measured, chip, whole) for chip in energy.CHIPS))
    alone = measured.alone
    table.add_row("without a gateway", f"{alone * 1000:.2f}", *(_range(measured, chip, alone) for chip in energy.CHIPS))
    return table


def _range(measured: load.Load, chip: energy.Chip, seconds: float) -> str:
    least, most = measured.share(chip, seconds)
    return f"{least:.0%} to {most:.0%}"


def _energy_table(tables: dict[energy.Chip, list[energy.Part]]) -> Table:
    table = Table("mean current, mA", title="What the cell has to give")
    for chip in tables:
        table.add_column(f"{chip} expected", justify="right")
        table.add_column(f"{chip} worst", justify="right")
    for row in zip(*tables.values(), strict=True):
        table.add_row(row[0].name, *(f"{ma:.2f}" for part in row for ma in (part.expected_ma, part.worst_ma)))
    sums = [
        total
        for parts in tables.values()
        for total in (sum(part.expected_ma for part in parts), sum(part.worst_ma for part in parts))
    ]
    table.add_section()
    table.add_row("together", *(f"{total:.2f}" for total in sums))
    for cell in energy.CELLS_MAH:
        name = f"hours of {cell} mAh until {energy.LEFT:.0%} are left"
        table.add_row(name, *(f"{energy.hours(cell, total):.1f}" for total in sums))
    name = f"cell for {energy.DAY_H:g} hours, mAh"
    table.add_row(name, *(f"{energy.cell_mah(total):.0f}" for total in sums))
    table.add_section()
    for cell in energy.CELLS_MAH:
        hours = [energy.hours(cell, energy.restless_ma(chip, parts)) for chip, parts in tables.items()]
        table.add_row(
            f"hours of {cell} mAh if the radio never rests", *(text for h in hours for text in (f"{h:.1f}", ""))
        )
    return table


def _sources(tables: dict[energy.Chip, list[energy.Part]]) -> list[tuple[str, str]]:
    """(component, source), the chip named where they differ."""
    out = []
    for row in zip(*tables.values(), strict=True):
        if len({part.source for part in row}) == 1:
            out.append((row[0].name, row[0].source))
        else:
            out += [(f"{part.name} of the {chip}", part.source) for chip, part in zip(tables, row, strict=True)]
    return out
