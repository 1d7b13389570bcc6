"""The corpus' way through the clip gives what the clip's own files give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firmware.clip import protocol
from firmware.clip import stream as firmware_stream
from firmware.clip.fusion import Fusion
from gateway.core import calibrate
from gateway.core.orientation import inclination, sky_in_sensor
from gateway.lab.corpus.clip import Stream, companded, on_the_wire, stream
from gateway.lab.corpus.day import Day, Procedure
from gateway.lab.corpus.judging import span
from gateway.lab.corpus.people import chip, wearer
from gateway.lab.corpus.sensor import readings, sample_times
from gateway.lab.script import Script, Segment
from gateway.stream import decode

SEGMENTS = [
    Segment(10, "stand"),
    Segment(10, "sit"),
    Segment(8, "bow", change_s=0.5, dip_deg=45),
    Segment(30, "type", 1.0),
    Segment(30, "rest", 21.0),
    Segment(25, "walk", 6.0, turn_deg=90),
    Segment(17, "sit", 2.0, 14.0),
]


@pytest.fixture(scope="module")
def day() -> Day:
    """A little over two minutes, with a motor burst at 70 s and a hole from 100 to 102 s."""
    rng = np.random.default_rng(7)
    script = Script(SEGMENTS, wearer(rng).body, 7)
    procedure = Procedure((12.0, 20.0), (20.0, 28.0))
    return Day(7, script, chip(rng), (procedure,), motor=((70.0, 70.7),), gaps=((100.0, 102.0),))


@pytest.fixture(scope="module")
def streamed(day: Day) -> Stream:
    return stream(day)


class _Sink:
    def __init__(self, held: list[bool]) -> None:
        self.packets: list[bytes] = []
        self._held = held

    def orientation(self, builder: firmware_stream.StreamBuilder) -> None:
        builder.held = self._held.pop(0)

    def packet(self, buffer: bytearray, length: int) -> None:
        self.packets.append(bytes(buffer[:length]))


class _Imu:
    rate_mhz = 104_000
    acc_lsb_ug = protocol.status.ACC_LSB_UG
    gyro_lsb_udps = protocol.status.GYRO_LSB_UDPS
    saturated = 32_767


def test_orientation_and_acceleration_are_those_of_the_firmware(day: Day, streamed: Stream) -> None:
    """The clip's own packets, taken apart by the gateway's own decoder, from the same raw samples."""
    t_s = sample_times(day)
    whole = stream(replace(day, gaps=()))
    imu = _Imu()
    fusion = Fusion(imu.rate_mhz, imu.acc_lsb_ug, imu.gyro_lsb_udps)
    sink = _Sink(whole.samples.held.tolist())
    builder = firmware_stream.StreamBuilder(fusion, imu, sink)
    for raw, _ in readings(day, t_s):
        for row in raw.tolist():
            builder.sample(*row)
    builder.close()
    packets = [decode(packet, 38_462) for packet in sink.packets]
    quaternion = np.concatenate([packet.samples.quaternion for packet in packets])
    acc = np.concatenate([packet.samples.acc_mg for packet in packets])
    held = np.concatenate([packet.samples.held for packet in packets])
    np.testing.assert_allclose(quaternion, whole.samples.quaternion[: len(quaternion)], atol=1e-12)
    np.testing.assert_array_equal(acc, whole.samples.acc_mg[: len(acc)])
    np.testing.assert_array_equal(held, whole.samples.held[: len(held)])
    told = [packet.trailer for packet in packets if packet.trailer is not None]
    # Seconds begin with the first sample here and with the clip's clock there, so that they differ by a sample or two.
    ours, theirs = (
        np.array([(t.acc_rms_mg, t.gyro_rms_dps) for t in all_[5:95]]) for all_ in (streamed.trailers, told)
    )
    assert np.abs(np.median((ours + 0.1) / (theirs + 0.1), axis=0) - 1).max() < 0.05


def test_what_goes_over_the_wire_is_rounded_as_the_protocol_rounds() -> None:
    rng = np.random.default_rng(1)
    q = rng.normal(size=(300, 4))
    q = np.rint(32768 * q / np.linalg.norm(q, axis=1, keepdims=True))
    milli_g = rng.integers(-5000, 5000, 300)
    sent, acc = on_the_wire(q), companded(milli_g)
    buffer = bytearray(protocol.stream.SAMPLE_SIZE)
    for k, (w, x, y, z) in enumerate(q.astype(int).tolist()):
        protocol.stream.pack_sample(buffer, 0, w, x, y, z, protocol.stream.compand(int(milli_g[k])))
        *expected, mg = protocol.stream.unpack_sample(bytes(buffer), 0)
        np.testing.assert_allclose(sent[k], expected, atol=1e-12)
        assert acc[k] == mg


def test_the_fused_angle_is_the_true_one_after_a_calibration(day: Day, streamed: Stream) -> None:
    samples = streamed.samples
    calibration = calibrate(span(samples, 12.0, 20.0), span(samples, 20.0, 28.0), 1)
    sagittal, lateral, _ = inclination(sky_in_sensor(samples.quaternion), calibration)
    true = day.script.angles(samples.t_ms / 1000)
    use = (samples.t_ms > 30_000) & ~samples.held
    assert np.abs(sagittal - true[0])[use].max() < 2.5
    assert np.abs(lateral - true[1])[use].max() < 2.5
    assert np.sqrt(((sagittal - true[0])[use] ** 2).mean()) < 0.8


def test_holes_and_motor_are_where_the_day_has_them(day: Day, streamed: Stream) -> None:
    t = streamed.samples.t_ms / 1000
    assert not ((t > 100.05) & (t < 101.95)).any()
    assert np.diff(t).max() == pytest.approx(2.0, abs=0.1)
    held = t[streamed.samples.held]
    assert held.min() == pytest.approx(70.0, abs=0.05)
    assert held.max() == pytest.approx(71.2, abs=0.05)
    assert np.median(np.diff(t)) == pytest.approx(streamed.period_ms / 1000 / (1 + day.chip.rate_error), abs=2e-4)
    assert not [trailer for trailer in streamed.trailers if 100_000 <= trailer.t_ms < 102_000]


def test_the_sensor_errs_as_its_chip_does(day: Day) -> None:
    t_s = sample_times(day)
    raw = np.concatenate([block for block, _ in readings(day, t_s)])
    quiet = (t_s > 62) & (t_s < 69)
    ideal_acc, ideal_gyro, celsius = day.script.sample(t_s[quiet])
    acc = raw[quiet, :3] * protocol.status.ACC_LSB_UG * 1e-6
    gyro = raw[quiet, 3:] * protocol.status.GYRO_LSB_UDPS * 1e-6
    expected = ideal_acc.mean(axis=0) * day.chip.acc_scale + day.chip.acc_bias
    np.testing.assert_allclose(acc.mean(axis=0), expected, atol=2e-4)
    drift = (celsius.mean() - 25) * np.array(day.chip.gyro_drift)
    expected = ideal_gyro.mean(axis=0) + np.array(day.chip.gyro_bias) + drift
    np.testing.assert_allclose(gyro.mean(axis=0), expected, atol=0.02)
    shaken = (t_s > 70.1) & (t_s < 70.6)
    assert raw[shaken, 0].std() > 5 * raw[quiet, 0].std()
