"""The light detector against scripted wearings whose truth is known, and the diary that it fills."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from firmware.clip.detector import Detector
from firmware.clip.diary import Diary
from firmware.clip.protocol import category, plan, records
from gateway.lab.presets import BOW_S, check_script
from gateway.lab.script import Script
from gateway.lab.truth import truth

BOOT = b"bootboot"
UPRIGHT = (1, 0, (0, 16384, 0), (0, 0, 16384))


@dataclass
class Kept:
    records: list[dict[str, Any]] = field(default_factory=list)

    def write(self, record: bytes) -> None:
        self.records.append(records.parse(record))

    def of(self, kind: int) -> list[dict[str, Any]]:
        return [record for record in self.records if record["kind"] == kind]

    def codes(self, minutes: int) -> bytes:
        newest = {record["start_ms"]: record["codes"] for record in self.of(records.EPOCH)}
        return b"".join(newest.get(minute * 60_000, bytes([category.LOST] * 60)) for minute in range(minutes))


def wear(script: Script, seconds: float) -> tuple[Detector, Kept]:
    kept = Kept()
    detector = Detector(Diary(BOOT, kept.write, lambda: (3, 1)))
    detector.set_plan(plan.Plan())
    axes = script.calibration()
    up, forward = (tuple(round(v * 16384) for v in axis) for axis in (axes.up, axes.forward))
    detector.set_calibration((1, 0, up, forward))
    t = np.arange(0, seconds, 1 / 26)
    samples = script.samples(t)
    q = np.rint(samples.quaternion * 32768).astype(int).tolist()
    for i, (t_ms, acc) in enumerate(zip((t * 1000).astype(int).tolist(), samples.acc_mg.tolist(), strict=True)):
        w, x, y, z = q[i]
        detector.add(t_ms, w, x, y, z, round(acc), False)
    return detector, kept


@pytest.mark.parametrize("seed", [0, 7])
def test_it_finds_the_categories_and_slouches_of_a_scripted_wearing(seed: int) -> None:
    script = check_script(seed)
    assert script.duration_s is not None
    _, kept = wear(script, script.duration_s)
    true = truth(script)
    minutes = len(true.codes) // 60
    found = np.frombuffer(kept.codes(minutes), dtype=np.uint8)
    sure = true.certain[: len(found)]
    assert np.mean(found[sure] == true.codes[: len(found)][sure]) > 0.99
    assert np.mean(found == true.codes[: len(found)]) > 0.95
    episodes = [e for e in kept.of(records.EPISODE) if e["start_ms"] > BOW_S[1] * 1000]
    assert len(episodes) == len(true.slouches)
    for episode, slouch in zip(episodes, true.slouches, strict=True):
        assert episode["start_ms"] / 1000 == pytest.approx(slouch.start_s, abs=1.5)
        assert episode["end_ms"] / 1000 == pytest.approx(slouch.end_s, abs=1.5)
        assert episode["mean"] / 10 == pytest.approx(slouch.mean_deg, abs=2)
        assert (episode["plan"], episode["calibration"], episode["judge"]) == (3, 1, records.JUDGE_CLIP)
    told = [e for e in kept.of(records.EPOCH) if e["rev"] == 1]
    means = np.array([np.nan if v is None else v for e in told for v in e["sagittal"]])
    angles = script.angles(np.array([2.0 * i + 1 for i in range(len(means))], dtype=np.float64))[0]
    calm = np.isin(found[: 2 * len(means)], (category.UPRIGHT, category.SLOUCHED)).tolist()
    still = [a and b for a, b in zip(calm[::2], calm[1::2], strict=True)]
    assert np.nanpercentile(np.abs(means - angles)[still], 90) < 2


class Straight:
    """Feeds a detector a sagittal angle in degrees for some seconds; breathing keeps it worn."""

    def __init__(self) -> None:
        self.kept = Kept()
        self.detector = Detector(Diary(BOOT, self.kept.write, lambda: (1, 1)))
        self.detector.set_plan(plan.Plan())
        self.detector.set_calibration(UPRIGHT)
        self.t = 0.0

    def feed(
        self, seconds: float, degrees: float, *, held: bool = False, breath: float = 0.4, acc_mg: int = 0
    ) -> Straight:
        end = self.t + seconds
        while self.t < end:
            a = np.radians(degrees + breath * np.sin(2 * np.pi * 0.25 * self.t)) / 2
            # The sensor's y is up and z forward; leaning turns it about the wearer's right, which is -x.
            tilt = (np.cos(a), np.sin(a), 0.0, 0.0)
            base = (np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0)  # y up: a quarter turn about x
            w = base[0] * tilt[0] - base[1] * tilt[1]
            x = base[0] * tilt[1] + base[1] * tilt[0]
            self.detector.add(int(self.t * 1000), round(w * 32768), round(x * 32768), 0, 0, acc_mg, held)
            self.t += 1 / 26
        return self

    def skip(self, seconds: float) -> Straight:
        end = self.t + seconds
        while self.t < end:
            self.t += 0.04
            self.detector.tick(int(self.t * 1000))
        return self


def test_the_start_of_a_slouch_is_its_crossing() -> None:
    wearer = Straight().feed(10, 0)
    crossing = 0.0
    for step in range(40):
        crossing = wearer.t if step == 20 else crossing
        wearer.feed(0.1, step * 0.5)
    assert wearer.detector.category == category.SLOUCHED
    assert wearer.detector.since_ms == pytest.approx(crossing * 1000, abs=150)


def test_hysteresis_keeps_a_slouch_until_it_has_recovered_for_a_while() -> None:
    wearer = Straight().feed(10, 0).feed(20, 15).feed(20, 7)
    assert wearer.detector.category == category.SLOUCHED
    wearer.feed(0.5, 2).feed(5, 7)
    assert wearer.detector.category == category.SLOUCHED
    wearer.feed(3, 2)
    assert wearer.detector.category == category.UPRIGHT
    assert wearer.detector.since_ms == pytest.approx(55_500, abs=300)
    episode = wearer.kept.of(records.EPISODE)[0]
    assert episode["end_reason"] == records.END_RECOVERED


def test_a_fidget_at_nearly_the_angle_is_no_slouch_that_goes_on() -> None:
    wearer = Straight().feed(20, 8, breath=0.2).feed(1.5, 11, breath=0.2)
    assert wearer.detector.category == category.SLOUCHED
    wearer.feed(5, 8, breath=0.2)
    assert wearer.detector.category == category.UPRIGHT
    assert wearer.kept.of(records.EPISODE) == []


def test_a_knock_is_no_movement_and_steps_are() -> None:
    wearer = Straight().feed(20, 15).feed(0.08, 15, acc_mg=900)
    for _ in range(12):
        wearer.feed(0.25, 15)
        assert wearer.detector.category == category.SLOUCHED
    for _ in range(8):
        wearer.feed(0.26, 15, acc_mg=200).feed(0.26, 15, acc_mg=-200)
    assert wearer.detector.category == category.MOVING


def test_held_samples_keep_the_category_and_stay_out_of_the_angles() -> None:
    wearer = Straight().feed(20, 15).feed(2, -40, held=True).feed(42, 15)
    assert wearer.detector.category == category.SLOUCHED
    epoch = wearer.kept.of(records.EPOCH)[0]
    assert set(epoch["codes"]) == {category.SLOUCHED}
    assert epoch["low"] >= 14


def test_no_samples_are_lost_and_end_the_episode() -> None:
    wearer = Straight().feed(20, 15).skip(10).feed(35, 15)
    codes = wearer.kept.codes(1)
    assert set(codes[21:29]) == {category.LOST}
    assert set(codes[31:]) == {category.SLOUCHED}
    assert wearer.kept.of(records.EPISODE)[0]["end_reason"] == records.END_LOST
    assert wearer.kept.of(records.EPOCH)[0]["sagittal"][12] is None


def test_without_a_calibration_nothing_is_slouched() -> None:
    wearer = Straight()
    wearer.detector.set_calibration(None)
    wearer.feed(62, 30)
    assert set(wearer.kept.codes(1)) == {category.UNCALIBRATED}
    assert wearer.kept.of(records.EPOCH)[0]["low"] is None


def test_paused_comes_before_everything() -> None:
    wearer = Straight().feed(10, 15)
    wearer.detector.set_paused(True)
    wearer.feed(10, 15).skip(10)
    wearer.detector.set_paused(False)
    wearer.feed(35, 15)
    codes = wearer.kept.codes(1)
    assert set(codes[11:29]) == {category.PAUSED}
    assert set(codes[32:]) == {category.SLOUCHED}


def test_a_minute_that_was_not_worn_is_written_back() -> None:
    wearer = Straight().feed(40, 0).feed(100, 3, breath=0.0)
    epochs = [(e["start_ms"], e["rev"]) for e in wearer.kept.of(records.EPOCH)]
    assert epochs == [(0, 1), (0, 2), (60_000, 1)]
    codes = wearer.kept.codes(2)
    assert set(codes[50:]) == {category.NOT_WORN}
    wearer.feed(42, 0)
    assert set(wearer.kept.codes(3)[145:175]) == {category.UPRIGHT}


def test_lying_and_leaning() -> None:
    wearer = Straight().feed(10, 0).feed(10, -30).feed(10, 0).feed(10, 75).feed(25, 0)
    codes = wearer.kept.codes(1)
    assert set(codes[13:19]) == {category.LEANING_BACK}
    assert set(codes[33:39]) == {category.LYING}


def test_a_shallow_breath_is_worn_and_a_desk_is_not() -> None:
    assert Straight().feed(180, 3, breath=0.06).detector.category == category.UPRIGHT
    assert Straight().feed(180, 3, breath=0.01).detector.category == category.NOT_WORN
