"""What the cell has to give: the current of each part, where the figure is from, and how long a cell lasts.

Nothing here has been measured on this project's board. "expected" is a usual day, "worst" everything at its dearest at
once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Chip = Literal["C3", "S3"]
CHIPS: Final[tuple[Chip, ...]] = ("C3", "S3")
CELLS_MAH: Final = (500, 400)
LEFT: Final = 0.2
"""Share of the cell that must be left at the end of the day: it ages, and nobody empties it."""
DAY_H: Final = 10.0

SEEED: Final = "Seeed, XIAO ESP32C3 power consumption test: BLE modem-sleep 26.8 mA, whole board"
C3_BUSY: Final = (
    "fabianoriccardi on gist.github.com (83fd33797cfb301d), ESP32-C3 kit at 80 MHz, radio off: 30.3 mA always "
    "computing, 22.6 idle, 1.2 asleep (its other parts)"
)
S3_IDLE: Final = "lucidar.me, ESP32-S3-DevKitM-1 at 3.3 V: 31.7 mA awake, radio off, at its default clock"
S3_BUSY: Final = (
    "ComNets-Bremen/WUSN, MoleNet V6, ESP32-S3 at 3.3 V: 32.3 mA awake, radio off; and the C3's 7.7 mA for computing"
)
RADIO: Final = (
    "Bluetooth 5 core specification, 1 Mbit/s: times on air; 130 mA while on (ESP32 datasheet, transmitting at 0 dBm)"
)
IMU: Final = "ST DS12814: 0.55 mA, both sensors in high-performance mode"
HAPTIC: Final = "assumed: TI SLOS854 awake below 1 mA; coin motor 60 to 100 mA"
DIVIDER: Final = "4.2 V over 440 kOhm"

_ON_AIR_MA: Final = 130.0
_RAMP_MS: Final = 1.0  # assumed: from switching the radio on until it hears, and off again
_EMPTY_MS: Final = 0.08 + 0.15 + 0.08  # an empty packet each way and the gap between them
_BYTE_MS: Final = 0.008
_OVERHEAD: Final = 17  # preamble, address, header and CRC 10, L2CAP 4, ATT 3
_HOUR_S: Final = 3600.0


@dataclass(frozen=True)
class Use:
    """How the clip is used.

    `notifications_s` a second with `payload` bytes in the mean, at a connection interval of `interval_ms`; the motor
    runs `motor_s` of each hour.
    """

    notifications_s: float
    payload: float
    interval_ms: float
    motor_s: float


@dataclass(frozen=True)
class Part:
    """Mean current of one component, mA."""

    name: str
    expected_ma: float
    worst_ma: float
    source: str


def radio_ma(use: Use) -> float:
    """Mean current of the radio on top of a processor that is awake.

    Every connection event is served (no slave latency), and a notification takes its time on air beyond that.
    """
    events = 1000 / use.interval_ms * (_RAMP_MS + _EMPTY_MS)
    data = use.notifications_s * (use.payload + _OVERHEAD) * _BYTE_MS
    return _ON_AIR_MA * (events + data) / 1000


def parts(chip: Chip, expected: Use, worst: Use) -> list[Part]:
    """The table of one board."""
    if chip == "C3":
        board = Part(
            "board: processor awake, radio", 26.8, 30.3 - 1.2 + radio_ma(worst), f"{SEEED}; {C3_BUSY}; {RADIO}"
        )
    else:
        board = Part(
            "board: processor awake, radio",
            31.7 + radio_ma(expected),
            32.3 + 30.3 - 22.6 + radio_ma(worst),
            f"{S3_IDLE}; {S3_BUSY}; {RADIO}",
        )
    return [
        board,
        Part("LSM6DSOX", 0.55, 0.55, IMU),
        Part("DRV2605L and motor", 0.1 + _motor(expected, 80.0), 1.0 + _motor(worst, 100.0), HAPTIC),
        Part("battery divider", 4.2 / 440, 4.2 / 440, DIVIDER),
    ]


def _motor(use: Use, running_ma: float) -> float:
    return running_ma * use.motor_s / _HOUR_S


def hours(cell_mah: float, current_ma: float) -> float:
    """How long a cell lasts down to what must be left."""
    return cell_mah * (1 - LEFT) / current_ma


def cell_mah(current_ma: float) -> float:
    """The smallest cell that lasts the day."""
    return DAY_H * current_ma / (1 - LEFT)
