"""Tables in files that only their user reads: CSV, or Parquet where pyarrow is installed."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from gateway import private_files

ROWS_A_PIECE: Final = 10_000
GET_PARQUET: Final = "Parquet needs pyarrow: install plumbline[parquet], or take --format csv"

Row = Mapping[str, Any]


class TableError(Exception):
    """A table cannot be written; the message says what to do."""


def write_csv(path: Path, columns: Mapping[str, type], rows: Iterable[Row]) -> int:
    """Write a table; how many rows. Raises OSError."""
    private_files.make_file(path)
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_cell(row.get(name)) for name in columns])
            count += 1
    return count


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else value


def write_parquet(path: Path, columns: Mapping[str, type], rows: Iterable[Row]) -> int:
    """Write a table, a piece at a time; how many rows. Raises TableError without pyarrow, OSError."""
    arrow, parquet = _pyarrow()
    kinds = {str: arrow.string(), int: arrow.int64(), float: arrow.float64(), bool: arrow.bool_()}
    schema = arrow.schema([(name, kinds[kind]) for name, kind in columns.items()])
    private_files.make_file(path)
    count = 0
    with parquet.ParquetWriter(path, schema) as writer:
        for piece in pieces(rows, ROWS_A_PIECE):
            writer.write_table(arrow.Table.from_pylist([dict(row) for row in piece], schema=schema))
            count += len(piece)
    return count


def _pyarrow() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise TableError(GET_PARQUET) from error


def pieces(rows: Iterable[Row], size: int) -> Iterable[list[Row]]:
    """The rows, so many at a time."""
    piece: list[Row] = []
    for row in rows:
        piece.append(row)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece
