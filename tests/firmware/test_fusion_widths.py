"""The fusion's arithmetic: as narrow as a small int of a 32-bit board, no allocation, the same on every interpreter."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware.clip.fusion import Fusion
from tests.plugins.narrow import SMALL, Small, narrow

FIRMWARE = Path(__file__).parents[2] / "firmware"
Sample = tuple[int, int, int, int, int, int]


def checked_fusion(rate_mhz: int, acc_lsb_ug: int, gyro_lsb_udps: int) -> Fusion:
    """A Fusion all of whose numbers are Small, so that every result of its arithmetic is one."""
    fusion = Fusion(rate_mhz, acc_lsb_ug, gyro_lsb_udps)
    narrow(fusion, fusion.bias)
    return fusion


def test_the_check_checks() -> None:
    assert Small(SMALL - 1) + 0 == SMALL - 1
    with pytest.raises(OverflowError):
        Small(SMALL - 1) + 1
    with pytest.raises(OverflowError):
        2 * Small(SMALL // 2)
    with pytest.raises(OverflowError):
        -Small(-SMALL)


extreme = st.sampled_from([-32768, 32767, 0, 1, -1, 4098, -4098])
axis = st.one_of(extreme, st.integers(-32768, 32767))
samples = st.tuples(axis, axis, axis, axis, axis, axis)
rates = st.one_of(
    st.sampled_from([10_000, 25_000, 50_000, 104_000, 429_000, 1_000_000]), st.integers(10_000, 1_000_000)
)


settings_of_a_clip = st.tuples(
    rates,
    st.one_of(st.sampled_from([61, 122, 244, 488, 500]), st.integers(10, 500)),
    st.one_of(st.sampled_from([1000, 4375, 35_000, 70_000, 150_000]), st.integers(1000, 150_000)),
)


@given(
    setting=settings_of_a_clip,
    motion=st.lists(st.tuples(samples, st.integers(1, 200)), min_size=1, max_size=6),
    flip=st.booleans(),
    filled=st.booleans(),
)
@example((10_000, 500, 150_000), [((32767,) * 6, 100), ((-32768,) * 6, 100)], True, False)
@example((1_000_000, 500, 1000), [((32767,) * 6, 4000), ((-32768,) * 6, 100)], True, False)
@settings(max_examples=25)
def test_every_number_is_small(
    setting: tuple[int, int, int], motion: list[tuple[Sample, int]], flip: bool, filled: bool
) -> None:
    """Any input at any setting. With `flip` full scale changes its sign at every sample; with `filled` the low-pass
    runs from the second sample on."""
    f = checked_fusion(*setting)
    if filled:
        f._fill = Small(1)
    sign = 1
    for sample, repeat in motion:
        for _ in range(repeat):
            f.update(*(Small(max(-32768, min(32767, v * sign))) for v in sample))
            if flip:
                sign = -sign
    for part in (f, f.bias):
        assert all(-SMALL <= value < SMALL for value in vars(part).values() if isinstance(value, int))


@pytest.mark.parametrize("rate", [10_000, 50_000, 104_000, 1_000_000])
def test_long_rest_and_motion_stay_small(rate: int) -> None:
    """Through the filling, rest with a bias, and motion, where the bias is learnt."""
    f = checked_fusion(rate, 244, 70_000)
    rng = random.Random(rate)
    for phase, size in ((0, 3), (1, 3000), (2, 3), (3, 20_000)):
        for i in range(12 * rate // 1000 if rate < 200_000 else 5 * rate // 1000):
            swing = size * (1 if (i * 3000 // rate) & 1 else -1)
            f.update(
                *(Small(v + rng.randrange(-size, size)) for v in (100 * phase, 30, 4000)),
                *(Small(v + swing // 2 + rng.randrange(-size, size) // 2) for v in (20, -28, 9)),
            )


PROGRAM = """
import gc
from clip.fusion import Fusion

def noise(seed):
    return (seed * 1103 + 12345) & 0x7FFFF

def feed(f, n, seed):
    for i in range(n):
        seed = noise(seed)
        r = seed >> 3
        if i % 700 < 60:
            f.update(32767 if r & 1 else -32768, 32767 if r & 2 else -32768, 32767 if r & 4 else -32768,
                     32767 if r & 8 else -32768, 32767 if r & 16 else -32768, 32767 if r & 32 else -32768)
        elif i % 2000 < 900:
            f.update((r >> 2) % 9, (r >> 3) % 9, 4098 + (r >> 4) % 9, 20 + (r >> 5) % 3, -11 + (r >> 6) % 3, r % 3)
        else:
            f.update(r % 1000 - 500, (r >> 2) % 1000, 4000, (r >> 3) % 2000 - 1000, (r >> 1) % 2000 - 1000, r % 2000)
    return seed

def main():
    for setting in SETTINGS:
        f = Fusion(*setting)
        seed = feed(f, 1, 1)
        gc.collect()
        before = gc.mem_alloc() if hasattr(gc, "mem_alloc") else 0
        feed(f, 5000, seed)
        grown = gc.mem_alloc() - before if hasattr(gc, "mem_alloc") else 0
        print(setting, grown, f.w, f.x, f.y, f.z, f.settled, f._bx, f._x0)

SETTINGS = ((10000, 488, 35000), (50000, 244, 70000), (104000, 244, 35000), (104000, 244, 70000), (1000000, 61, 4375))
main()
"""


def said(command: list[str], tmp_path: Path) -> list[str]:
    script = tmp_path / "run.py"
    script.write_text(PROGRAM)
    done = subprocess.run(
        [*command, str(script)],
        env={**os.environ, "MICROPYPATH": str(FIRMWARE), "PYTHONPATH": str(FIRMWARE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout.splitlines()


def same_on_both(program: str, tmp_path: Path) -> None:
    lines = said([program, "-X", "heapsize=128k"], tmp_path)
    assert len(lines) == 5
    assert lines == said([sys.executable], tmp_path)
    assert all(line.split(") ")[1].startswith("0 ") for line in lines)


def test_micropython_says_the_same_bit_for_bit_and_allocates_nothing(tmp_path: Path) -> None:
    program = Path(sys.executable).parent / "micropython"
    if not program.exists():
        pytest.skip("no micropython beside this Python")
    same_on_both(str(program), tmp_path)


@pytest.mark.micropython32
def test_so_does_a_32_bit_micropython(tmp_path: Path) -> None:
    same_on_both(os.environ["MICROPYTHON_32BIT"], tmp_path)
