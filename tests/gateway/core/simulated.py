"""Scripted wearings as the core would get them: simulated, with the noise that the clip's fusion has at rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.core import Core, Output, Samples, Thresholds, Trailer
from gateway.lab.motion import multiply
from gateway.lab.script import Script

RATE_HZ = 26.0
NOISE_DEG = 0.01


@dataclass(frozen=True)
class Told:
    """Codes of each whole second as told last, and everything that came out."""

    codes: NDArray[np.int64]
    output: Output
    core: Core


def stream(script: Script) -> tuple[Samples, list[Trailer]]:
    """Samples of a script and the trailers beside them, one a second."""
    rng = np.random.default_rng([script.seed, 77])
    t_s = np.arange(0, script.duration_s or 0, 1 / RATE_HZ)
    ideal = script.samples(t_s)
    turn = np.column_stack((np.ones(len(t_s)), np.radians(rng.normal(0, NOISE_DEG, (len(t_s), 3))) / 2))
    quaternion = multiply(ideal.quaternion, turn)
    quaternion /= np.linalg.norm(quaternion, axis=1, keepdims=True)
    samples = Samples(ideal.t_ms, quaternion, ideal.acc_mg + rng.normal(0, 1.5, len(t_s)), ideal.held)
    celsius = np.floor(script.celsius(t_s)).astype(np.int64).tolist()
    return samples, [Trailer(float(samples.t_ms[k]), 0.0, 0.0, 0, celsius[k]) for k in range(25, len(t_s), 26)]


def wear(script: Script, core: Core | None = None, *, trailers: bool = True) -> Told:
    """What a core says of a script, all at once."""
    core = core or Core(Thresholds(), script.calibration())
    samples, beside = stream(script)
    output = core.push(samples, beside if trailers else ())
    seconds = int(script.duration_s or 0)
    rest = core.flush((seconds // 60 + 1) * 60_000)
    return Told(codes_of(seconds, (output, rest)), output, core)


def codes_of(seconds: int, outputs: Sequence[Output]) -> NDArray[np.int64]:
    """Code of each second, the last telling wins."""
    codes = np.ones(seconds, dtype=np.int64)
    for output in outputs:
        for epoch in output.epochs:
            first = epoch.start_ms // 1000
            part = np.frombuffer(epoch.codes, dtype=np.uint8)[: max(seconds - first, 0)]
            codes[first : first + len(part)] = part
    return codes
