"""Scripts: what the IMU feels fits the orientation, and the truth fits what the core finds."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import numpy as np
import pytest

from firmware.clip import protocol
from gateway.core import Core, Thresholds
from gateway.core.orientation import inclination, sky_in_sensor
from gateway.lab.motion import conjugate, multiply, rotate
from gateway.lab.presets import BOW_S, HOLD_S, PEOPLE, check_script, wears, workday_script
from gateway.lab.script import Body, Script, ScriptError, Segment, Slip
from gateway.lab.truth import truth

code = protocol.category

ONE_OF_EACH = [
    Segment(6, "sit", 0.0),
    Segment(8, "sit", 22.0, 5.0),
    Segment(8, "walk", 5.0),
    Segment(5, "lift", 0.0, dip_deg=70),
    Segment(6, "lie", -80.0, change_s=3),
    Segment(6, "handle", 40.0, 20.0),
    Segment(5, "off", 75.0, 12.0, change_s=0.5),
]


@pytest.fixture(scope="module")
def varied() -> Script:
    return Script(ONE_OF_EACH, check_script(4).body, seed=4)


def test_angular_rate_integrates_to_the_orientation(varied: Script) -> None:
    step = 0.002
    t = np.arange(0, 44, step)
    true = varied.orientation(t)
    _, gyro, _ = varied.sample(t + step / 2)
    q = true[0]
    worst = 0.0
    for k, rate in enumerate(np.radians(gyro[:-1])):
        angle = float(np.linalg.norm(rate)) * step
        axis = rate / max(float(np.linalg.norm(rate)), 1e-12)
        q = multiply(q, np.array([np.cos(angle / 2), *(np.sin(angle / 2) * axis)]))
        worst = max(worst, float(np.degrees(2 * np.arccos(min(abs(float(q @ true[k + 1])), 1.0)))))
    assert worst < 0.1


def test_at_rest_the_accelerometer_feels_the_sky(varied: Script) -> None:
    t = np.arange(0, 44, 0.01)
    acc, gyro, _ = varied.sample(t)
    still = (np.abs(np.linalg.norm(acc, axis=1) - 1) < 1e-4) & (np.linalg.norm(gyro, axis=1) < 2)
    assert still.sum() > 700
    sky = np.stack(sky_in_sensor(varied.orientation(t[still])), axis=1)
    assert np.degrees(np.arccos(np.clip((acc[still] * sky).sum(axis=1), -1, 1))).max() < 1


def test_acceleration_is_the_second_derivative_of_the_way(varied: Script) -> None:
    """Twice integrated over a walk, the earth-frame acceleration comes back to about the same velocity."""
    t = np.arange(14, 22, 0.001)
    acc, _, _ = varied.sample(t)
    ground = rotate(varied.orientation(t), acc) - np.array([0, 0, 1.0])
    assert np.abs(ground.sum(axis=0) * 0.001).max() < 0.01
    assert 0.1 < np.linalg.norm(acc, axis=1)[2000:6000].std() < 0.35


def test_angles_are_those_of_the_contract_for_its_own_calibration(varied: Script) -> None:
    t = np.arange(0, 30, 0.05)
    sagittal, lateral, _ = inclination(sky_in_sensor(varied.orientation(t)), varied.calibration())
    expected = varied.angles(t)
    np.testing.assert_allclose(sagittal, expected[0], atol=1e-6)
    np.testing.assert_allclose(lateral, expected[1], atol=1e-6)


def test_the_same_point_in_time_in_any_order_gives_the_same(varied: Script) -> None:
    t = np.array([3.0, 40.1, 17.25, 9.9])
    for got, again in zip(varied.sample(t), varied.sample(t[::-1].copy()), strict=True):
        np.testing.assert_array_equal(got, again[::-1])


def test_a_file_gives_the_script_back(varied: Script, tmp_path: Path) -> None:
    varied.save(tmp_path / "script.json")
    again = Script.load(tmp_path / "script.json")
    t = np.arange(0, 44, 0.1)
    np.testing.assert_array_equal(again.orientation(t), varied.orientation(t))
    assert (again.segments, again.body, again.seed) == (varied.segments, varied.body, varied.seed)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "other"}', '{"format": "plumbline-script/1", "seed": 1, "body": {}}']
)
def test_a_file_that_is_no_script_is_refused(text: str) -> None:
    with pytest.raises(ScriptError):
        Script.from_json(text)


@pytest.mark.parametrize(
    "segment", [Segment(5, "fly"), Segment(1, change_s=2), Segment(5, change_s=0), Segment(5, flows=True)]
)
def test_a_segment_that_cannot_be_played_is_refused(segment: Segment) -> None:
    with pytest.raises(ScriptError, match="segment 0"):
        Script([segment])


def test_a_mounting_must_be_a_rotation() -> None:
    with pytest.raises(ScriptError, match="mounting"):
        Script([Segment(5)], Body(mounting=(1, 1, 0, 0)))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_core_finds_what_is_true_of_the_check_script(seed: int) -> None:
    script = check_script(seed)
    assert script.duration_s is not None
    t = np.arange(0, script.duration_s, 1 / 26)
    core = Core(Thresholds(), script.calibration())
    told = core.push(script.samples(t))
    end = core.flush(int(script.duration_s // 60 + 1) * 60_000)
    found = {}
    for epoch in told.epochs + end.epochs:
        found.update({epoch.start_ms // 1000 + k: c for k, c in enumerate(epoch.codes)})
    true = truth(script)
    wrong = [k for k in np.flatnonzero(true.certain).tolist() if found[k] != true.codes[k]]
    assert wrong == []
    assert set(true.codes[true.certain].tolist()) >= {
        code.NOT_WORN,
        code.MOVING,
        code.LYING,
        code.LEANING_BACK,
        code.LEANING_RIGHT,
        code.SLOUCHED,
        code.UPRIGHT,
    }
    episodes = [e for e in told.episodes if e.start_ms > BOW_S[1] * 1000]
    assert len(episodes) == len(true.slouches) >= 5
    for episode, slouch in zip(episodes, true.slouches, strict=True):
        assert episode.start_ms / 1000 == pytest.approx(slouch.start_s, abs=1)
        assert episode.end_ms / 1000 == pytest.approx(slouch.end_s, abs=1)
        assert episode.mean_deg == pytest.approx(slouch.mean_deg, abs=1)


def test_the_check_script_calibrates_itself() -> None:
    from gateway.core import calibrate

    script = check_script(5)
    hold, bow = (script.samples(np.arange(*span, 1 / 26)) for span in (HOLD_S, BOW_S))
    calibration, ideal = calibrate(hold, bow, 1), script.calibration()
    assert np.degrees(np.arccos(calibration.up @ ideal.up)) < 0.5
    assert np.degrees(np.arccos(calibration.forward @ ideal.forward)) < 2


def test_temperature_falls_when_the_clip_is_off() -> None:
    script = Script([Segment(600), Segment(600, "off", 60.0)])
    celsius = script.celsius(np.array([0.0, 599.0, 900.0, 1199.0]))
    assert celsius[0] == pytest.approx(celsius[1], abs=0.1)
    assert (celsius[1] - celsius[2]) / 5 > 0.3
    assert celsius[3] < celsius[2]


def test_the_clip_off_is_quite_still_and_a_sitter_is_not() -> None:
    script = Script([Segment(60), Segment(60, "off", 60.0, change_s=0.5)])
    for begin, end, still in ((10, 50, False), (65, 115, True)):
        _, gyro, _ = script.sample(np.arange(begin, end, 0.05))
        assert bool(np.abs(gyro).max() < 1e-6) is still


@pytest.mark.parametrize("person", list(PEOPLE))
def test_workdays_are_repeatable_and_differ(person: str) -> None:
    one, again, other = (workday_script(3, person, day) for day in (1, 1, 2))
    assert one.to_json() == again.to_json()
    assert one.to_json() != other.to_json()
    assert one.body == other.body
    assert one.body != workday_script(4, person, 1).body


def test_people_are_recognisable() -> None:
    def slouched(person: str, day: int) -> float:
        codes = truth(workday_script(2, person, day)).codes
        return float((codes == code.SLOUCHED).mean())

    def mean(person: str, days: range) -> float:
        return float(np.mean([slouched(person, day) for day in days]))

    assert mean("slouch_heavy", range(3)) > 1.5 * mean("steady", range(3))
    assert mean("improving", range(10, 13)) < 0.7 * mean("improving", range(3))
    rest = [np.median([s.seconds for s in workday_script(2, p, 0).segments]) for p in ("still_sitter", "fidgety")]
    assert rest[0] > 3 * rest[1]
    hours = [(workday_script(2, "barely_wearing", day).duration_s or 0) / 3600 for day in range(4)]
    assert max(hours) < 5
    skipped = sum(not wears(PEOPLE["barely_wearing"], 2, day) for day in range(20))
    assert 2 <= skipped <= 14
    assert all(wears(PEOPLE["steady"], 2, day) for day in range(20))


def test_an_unknown_person_is_refused() -> None:
    with pytest.raises(ScriptError, match="steady"):
        workday_script(1, "nobody", 0)


def test_mountings_differ_by_their_tilt() -> None:
    tilts = []
    for seed in range(12):
        up = check_script(seed).calibration().up
        tilts.append(np.degrees(np.arccos(up[0])))
    assert min(tilts) > 8
    assert max(tilts) < 50
    assert all(a != b for a, b in itertools.pairwise(tilts))


def test_rotation_helpers_agree() -> None:
    q = np.array([0.5, 0.5, -0.5, 0.5])
    np.testing.assert_allclose(multiply(q, conjugate(q)), [1, 0, 0, 0], atol=1e-15)
    np.testing.assert_allclose(rotate(q, np.array([0.0, 0, 1])), np.stack(sky_in_sensor(conjugate(q)[None]))[:, 0])


@pytest.mark.parametrize(
    ("script", "sums", "drawn"),
    [
        (check_script(3), [55589.78611945, 236113.539336383, 1297336.050568252, 111728.295970557], "4394647741ff8ee5"),
        (
            workday_script(3, "slouch_heavy", 1),
            [55410.798464851, 116844.121546963, 1300407.17984296, 118962.272488082],
            "22cb3a9907424117",
        ),
        (
            workday_script(5, "fidgety", 2),
            [56871.686019608, 174769.644592022, 1320033.0, 104693.530660011],
            "71442cf11848d032",
        ),
    ],
    ids=["check", "slouch_heavy", "fidgety"],
)
def test_scripts_that_others_rely_on_stay_as_they_were(script: Script, sums: list[float], drawn: str) -> None:
    t = np.linspace(1, (script.duration_s or 0) - 1, 40001)
    acc, gyro, celsius = script.sample(t)
    weighted = (script.orientation(t) * [1, 2, 3, 4]).sum()
    np.testing.assert_allclose([np.abs(acc).sum(), np.abs(gyro).sum(), celsius.sum(), weighted], sums, rtol=1e-9)
    body = script.body
    rows: list[list[float | str]] = [
        [s.activity, *(round(float(v), 6) for v in (s.seconds, s.sagittal, s.lateral, s.change_s, s.dip_deg))]
        for s in script.segments
    ]
    of_body = (*body.mounting, body.breath_deg, body.breath_hz, body.fidgets_per_hour, script.seed)
    rows.append([round(float(v), 6) for v in of_body])
    assert hashlib.sha256(repr(rows).encode()).hexdigest()[:16] == drawn


def test_a_slip_turns_what_is_measured_and_not_the_wearer() -> None:
    turn = (float(np.cos(np.radians(6))), -float(np.sin(np.radians(6))), 0.0, 0.0)  # 12 degrees forward
    body = check_script(4).body
    plain, slipped = (Script([Segment(60)], body, 1, slips) for slips in ((), (Slip(20.0, turn, 2.0),)))
    t = np.array([5.0, 19.9, 22.1, 50.0])
    apparent, _, _ = inclination(sky_in_sensor(slipped.orientation(t)), slipped.calibration())
    np.testing.assert_allclose(apparent - plain.angles(t)[0], [0, 0, 12, 12], atol=0.01)
    after, _, _ = inclination(sky_in_sensor(slipped.orientation(t[2:])), slipped.calibration(at_s=30.0))
    np.testing.assert_allclose(after, plain.angles(t[2:])[0], atol=1e-6)
    np.testing.assert_array_equal(slipped.posture(t)[0], plain.posture(t)[0])
    again = Script.from_json(slipped.to_json())
    np.testing.assert_array_equal(again.orientation(t), slipped.orientation(t))


def test_each_activity_moves_the_clip_in_its_own_way() -> None:
    names = ["rest", "type", "stand", "walk", "stairs_up", "stairs_down", "carry", "jolt", "off"]
    body = Body(wander_deg=0.3, landing=0.3, fidgets_per_hour=0)
    script = Script([Segment(20, name) for name in names], body, seed=2)
    shakes = {}
    for name, start in zip(names, script.starts_s.tolist(), strict=True):
        acc, gyro, _ = script.sample(np.arange(start + 2, start + 18, 0.01))
        shakes[name] = (1000 * np.linalg.norm(acc, axis=1).std(), np.abs(gyro).max())
    assert shakes["off"][0] < 1e-3
    assert shakes["rest"][0] < shakes["type"][0] < 30
    assert shakes["rest"][0] < shakes["stand"][0] < 30
    assert min(shakes[name][0] for name in ("walk", "stairs_up", "stairs_down", "carry")) > 90
    assert shakes["off"][1] < 1e-6 < shakes["rest"][1] < 1 < shakes["jolt"][1]


def test_a_walk_that_flows_does_not_pause_at_a_turn() -> None:
    """The bob of the step at the border, and no leap there."""
    for flows in (True, False):
        walks = [Segment(20, "walk", 6.0), Segment(20, "walk", 9.0, turn_deg=90, flows=flows)]
        script = Script([*walks, Segment(10, "stand")], Body(landing=0.2), seed=2)
        shakes = []
        for at in (10.0, 20.0):
            acc, _, _ = script.sample(np.arange(at - 0.3, at + 0.3, 0.001))
            shake = 1000 * np.linalg.norm(acc, axis=1)
            assert np.abs(np.diff(shake)).max() < 20
            shakes.append(shake.std())
        assert bool(shakes[1] > 0.8 * shakes[0]) is flows
    with pytest.raises(ScriptError, match="segment 1"):
        Script([Segment(20, "walk"), Segment(20, "stairs_up", flows=True)])


def test_a_posture_is_known_without_its_dips() -> None:
    script = Script([Segment(10, "sit", 3.0), Segment(4, "sit", 3.0, dip_deg=20)])
    t = np.array([5.0, 12.0])
    np.testing.assert_allclose(script.posture(t)[0], [3, 23])
    np.testing.assert_allclose(script.posture(t, dips=False)[0], [3, 3])
