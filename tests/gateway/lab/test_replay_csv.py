"""Reading a recording: clear errors, counted gaps, never a silent wrong number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.lab.replay_csv import COLUMNS, CsvError, check, read
from gateway.lab.replay_units import check_units

HEADER = ",".join(COLUMNS)


def _rows(seconds: float = 4, rate: float = 100) -> Any:
    t = np.arange(int(seconds * rate)) / rate
    return np.column_stack((t, np.zeros((len(t), 2)), np.ones(len(t)), np.zeros((len(t), 3))))


def _read(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "x.csv"
    path.write_text(text)
    return read(path)


def _lines(count: int = 40) -> list[str]:
    return [f"{k / 100:.2f},0,0,1,0,0,0" for k in range(count)]


def test_a_clean_file(write_csv: Any) -> None:
    rows = _rows()
    recording = read(write_csv(rows))
    assert recording.rate_hz == pytest.approx(100)
    np.testing.assert_allclose(recording.acc_g, rows[:, 1:4])
    assert (recording.dropped, recording.doubled, recording.gaps) == (0, 0, [])


def test_columns_in_any_order_among_others_with_a_byte_order_mark(tmp_path: Path) -> None:
    names = ["note", *reversed(COLUMNS), "more"]
    lines = [",".join(["0", "0", "0", "0", "1", "0", "0", f"{k / 100}", "9"]) for k in range(40)]
    path = tmp_path / "x.csv"
    path.write_text("\ufeff" + ",".join(names) + "\r\n" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
    recording = read(path)
    assert recording.t_s[-1] == pytest.approx(0.39)
    assert recording.acc_g[0].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [HEADER.replace("gz_dps", "gz"), *lines], "line 1: missing columns gz_dps"),
        (lambda lines: [HEADER + ",ax_g", *(line + ",0" for line in lines)], "line 1: column ax_g appears twice"),
        (lambda lines: [HEADER, *lines[:10], "x,0,0,1,0,0,0", *lines[10:]], "line 12: t_s is 'x'"),
        (lambda lines: [HEADER, *lines[:10], "0.1,1_0,0,1,0,0,0", *lines[10:]], "line 12: ax_g is '1_0'"),
        (lambda lines: [HEADER, *lines[:10], "0.1,0,0,1,0,0", *lines[10:]], "line 12: 6 cells where the header has 7"),
        (lambda lines: [HEADER, *lines[:10], *lines[8:]], "line 12: t_s falls from 0.09 to 0.08"),
        (lambda lines: [HEADER, *lines[:5]], "usable samples: 5"),
        (lambda lines: [HEADER, *lines[:0]], "usable samples: 0"),
        (lambda lines: lines, "line 1: missing columns"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, change: Callable[[list[str]], list[str]], message: str
) -> None:
    with pytest.raises(CsvError, match=message.replace("(", r"\(")):
        _read(tmp_path, "\n".join(change(_lines())) + "\n")


@pytest.mark.parametrize(("factor", "hint"), [(1000.0, "milliseconds"), (20.0, "samples a second"), (0.1, "samples")])
def test_rates_outside_the_range_are_refused(factor: float, hint: str) -> None:
    rows = _rows()
    rows[:, 0] *= factor
    with pytest.raises(CsvError, match=hint):
        check(rows)


@pytest.mark.parametrize("rate", [10, 25.6, 104, 286, 500])
def test_rates_inside_the_range_are_measured(rate: float) -> None:
    assert check(_rows(5, rate)).rate_hz == pytest.approx(rate, rel=1e-6)


@pytest.mark.filterwarnings("error")
def test_nothing_but_blank_lines_is_refused_without_further_noise(tmp_path: Path) -> None:
    with pytest.raises(CsvError):
        _read(tmp_path, HEADER + "\n\r\n\n")


def test_nan_empty_infinite_and_double_rows_are_counted_and_leave_gaps(tmp_path: Path) -> None:
    lines = _lines(100)
    lines[20] = "0.20,nan,0,1,0,0,0"
    lines[40] = "0.40,,0,1,0,0,0"
    lines[60] = "0.60,inf,0,1,0,0,0"
    lines[80:80] = [lines[79]]
    recording = _read(tmp_path, "\n".join([HEADER, *lines]))
    assert (recording.dropped, recording.doubled) == (3, 1)
    assert [(round(a, 2), round(b, 2)) for a, b in recording.gaps] == [(0.19, 0.21), (0.39, 0.41), (0.59, 0.61)]


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\x93NUMPY\xff\xfe\x00")
    with pytest.raises(CsvError, match="UTF-8"):
        read(path)


def test_times_over_years_are_refused() -> None:
    rows = _rows()
    rows[-1, 0] = 1e9
    with pytest.raises(CsvError, match="7 days"):
        check(rows)


@pytest.mark.parametrize(("factor", "hint"), [(9.81, "m/s2"), (1000, "mg"), (0.02, "gravity removed"), (3.0, "wrong")])
def test_units_of_the_acceleration(wearing: Any, table: Any, factor: float, hint: str) -> None:
    rows = table(wearing, 50)
    rows[:, 1:4] *= factor
    with pytest.raises(CsvError, match=hint):
        check_units(check(rows))


@pytest.mark.parametrize("rate", [12, 100, 400])
def test_units_of_the_angular_rate(wearing: Any, table: Any, rate: float) -> None:
    rows = table(wearing, rate)
    assert check_units(check(rows)) == []
    rows[:, 4:] = np.radians(rows[:, 4:])
    with pytest.raises(CsvError, match="rad/s"):
        check_units(check(rows))


def test_milli_degrees_are_found_too(wearing: Any, table: Any) -> None:
    rows = table(wearing, 50)
    rows[:, 4:] *= 1000
    with pytest.raises(CsvError, match="more turning"):
        check_units(check(rows))


@pytest.mark.parametrize("sensor", [slice(1, 4), slice(4, 7)])
def test_a_sensor_of_the_opposite_sign_is_found(wearing: Any, table: Any, sensor: slice) -> None:
    rows = table(wearing, 50)
    rows[:, sensor] *= -1
    if sensor.start == 1:
        assert check_units(check(rows)) == []  # gravity upside down: only who knows how it was worn can tell
    else:
        with pytest.raises(CsvError, match="turns against"):
            check_units(check(rows))


def test_a_recording_without_turns_says_that_units_were_not_checked() -> None:
    assert "nothing turned" in check_units(check(_rows(20)))[0]


cells = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    st.sampled_from(["", " ", '"1"', "0x1", "1e400", "1_0", "#", "\x00", "1;2", "é"]),
)


@given(
    rows=st.lists(st.lists(cells, min_size=5, max_size=9), max_size=30),
    good=st.integers(0, 40),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_text_is_read_or_refused_with_the_named_error(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], good: int, end: str
) -> None:
    lines = [HEADER, *_lines(good), *(",".join(row) for row in rows)]
    path = tmp_path_factory.mktemp("fuzz") / "x.csv"
    path.write_bytes(end.join(lines).encode())
    try:
        recording = read(path)
    except CsvError:
        return
    assert np.isfinite(recording.acc_g).all()
    assert (np.diff(recording.t_s) > 0).all()


@given(data=st.binary(max_size=400))
def test_any_bytes_are_refused_with_the_named_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "x.csv"
    path.write_bytes(HEADER.encode() + b"\n" + data)
    with pytest.raises(CsvError):
        read(path)
