"""What the cell has to give: the current of each part, where the figure is from, and how long a cell lasts.

Nothing here has been measured on this project's board. "expected" is a usual day, "worst" everything at its dearest at
once. What a processor takes is weighted by the share of its time that it computes; what the radio takes is counted
above that, because published figures of a radio are those of the whole chip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Chip = Literal["C3", "S3"]
CHIPS: Final[tuple[Chip, ...]] = ("C3", "S3")
CELLS_MAH: Final = (500, 400)
LEFT: Final = 0.2
"""Share of the cell that must be left at the end of the day: it ages, and nobody empties it."""
DAY_H: Final = 10.0

PROCESSOR: Final[Mapping[Chip, str]] = {
    "C3": (
        "at 80 MHz, fabianoriccardi on gist.github.com (83fd33797cfb301d), ESP32-C3 kit with its radio off: 22.6 mA "
        "idle, 30.3 computing, less 1.2 for its other parts; Seeed measured 26.8 for a whole XIAO in Bluetooth "
        "modem-sleep"
    ),
    "S3": (
        "at 80 MHz, ESP32-S3 data sheet 2.2, table 5-9, halfway between all peripheral clocks off and all on: idle "
        "(22.0 + 36.1) / 2, one core computing (28.4 + 42.6) / 2 = 35.5; Espressif measured 35 to 36 for the latter "
        "(esp-idf issue 8533), and the firmware uses few peripherals"
    ),
}
RADIO: Final = (
    "times on air: Bluetooth 5 core specification, 1 Mbit/s; ESP32-S3 data sheet 2.2, table 5-8, whole chip (none of "
    "the C3 was found): receiving 93 mA, sending 193 at 9 dBm, the default of ESP-IDF, which MicroPython cannot change"
)
FLASH: Final = (
    "erases as under Journal in firmware/README.md; ESP32-S3 data sheet 2.2: 70 ms each, at most 500; 25 mA: assumed"
)
IMU: Final = "ST DS12814: 0.55 mA, both sensors in high-performance mode"
HAPTIC: Final = "TI SLOS854: standby 0.004 mA, at most 0.007; 0.65 mA awake while the motor runs"
MOTOR: Final = "assumed: coin motor 60 to 100 mA"
LED: Final = "assumed: 2 mA through 560 Ohm, flashes of 20 ms; off, and every two seconds"
DIVIDER: Final = "4.2 V over 440 kOhm"
REGULATOR: Final[Mapping[Chip, str]] = {
    "C3": "XC6210, linear: what goes in comes out; 0.035 mA of its own (msfujino on forum.seeedstudio.com)",
    "S3": "SGM6029, steps down: at its 90 % and 3.7 V the cell gives what the board takes; 0.003 mA of its own (ibid.)",
}

_IDLE_MA: Final[Mapping[Chip, float]] = {"C3": 22.6 - 1.2, "S3": (22.0 + 36.1) / 2}
_COMPUTING_MA: Final[Mapping[Chip, float]] = {"C3": 30.3 - 1.2, "S3": (28.4 + 42.6) / 2}
_RECEIVING_MA: Final = 93.0
_SENDING_MA: Final = 193.0
_RAMP_MS: Final = 1.0  # assumed: from switching the radio on until it hears, and off again, as dear as receiving
EMPTY_MS: Final = 0.08  # an empty packet, either way
_GAP_MS: Final = 0.15  # between a packet and the answer to it
EVENT_MS: Final = _RAMP_MS + EMPTY_MS + _GAP_MS + EMPTY_MS
"""How long the radio is on for an event of the connection in which nothing is sent, the ramp counted as receiving."""
_BYTE_MS: Final = 0.008
_OVERHEAD: Final = 17  # preamble, address, header and CRC 10, L2CAP 4, ATT 3
_ERASES_H: Final = 687 * 512 / 365 / DAY_H
_ERASING_MA: Final = 25.0
_HOUR_MS: Final = 3_600_000.0

_RESTLESS_MA: Final[Mapping[Chip, float]] = {"C3": 77.0, "S3": _RECEIVING_MA}
RESTLESS: Final = (
    "The tables hold for a MicroPython that was built with Bluetooth modem-sleep (CONFIG_BT_CTRL_MODEM_SLEEP=y). "
    "ESP-IDF leaves it off unless told, and MicroPython's settings do not tell: with an image as it is given out the "
    "radio listens all the time. asier70 (arduino-esp32 issue 5909) measured 77 mA so on an ESP32-C3 at 80 MHz, "
    "and about 25 with it; for the S3 the receiving radio's 93 mA are taken."
)


@dataclass(frozen=True)
class Use:
    """How the clip is used.

    `notifications_s` a second with `payload` bytes in the mean, at a connection interval of `interval_ms`; the motor
    runs `motor_s` of each hour; the processor computes for `computing`, by chip, of its time.
    """

    notifications_s: float
    payload: float
    interval_ms: float
    motor_s: float
    computing: Mapping[Chip, float]


@dataclass(frozen=True)
class Part:
    """Mean current of one component, mA."""

    name: str
    expected_ma: float
    worst_ma: float
    source: str


def processor_ma(chip: Chip, use: Use) -> float:
    """Mean current of the processor, radio off."""
    computing = use.computing[chip]
    return _IDLE_MA[chip] * (1 - computing) + _COMPUTING_MA[chip] * computing


def radio_ma(chip: Chip, use: Use) -> float:
    """Mean current of the radio above the processor's own, when it rests between the connection's events.

    Every event is served (no latency of the peripheral): it listens, and answers with an empty packet; a notification
    takes its time on air beyond that, and the central confirms it.
    """
    events = 1000 / use.interval_ms
    receiving = events * (EVENT_MS - EMPTY_MS) + use.notifications_s * (_GAP_MS + EMPTY_MS)
    sending = events * EMPTY_MS + use.notifications_s * (use.payload + _OVERHEAD) * _BYTE_MS
    own = processor_ma(chip, use)
    return (receiving * (_RECEIVING_MA - own) + sending * (_SENDING_MA - own)) / 1000


def parts(chip: Chip, expected: Use, worst: Use) -> list[Part]:
    """The table of one board."""
    erases = _ERASES_H * _ERASING_MA / _HOUR_MS
    motor = 1000 / _HOUR_MS
    regulator = 0.035 if chip == "C3" else 0.003
    return [
        Part("processor", processor_ma(chip, expected), processor_ma(chip, worst), PROCESSOR[chip]),
        Part("radio", radio_ma(chip, expected), radio_ma(chip, worst), RADIO),
        Part("flash", erases * 70, erases * 500, FLASH),
        Part("LSM6DSOX", 0.55, 0.55, IMU),
        Part("DRV2605L", 0.004 + 0.65 * motor * expected.motor_s, 0.007 + 0.65 * motor * worst.motor_s, HAPTIC),
        Part("motor", 60 * motor * expected.motor_s, 100 * motor * worst.motor_s, MOTOR),
        Part("light", 0.0, 2.0 * 20 / 2000, LED),
        Part("battery divider", 4.2 / 440, 4.2 / 440, DIVIDER),
        Part("regulator", regulator, regulator, REGULATOR[chip]),
    ]


def restless_ma(chip: Chip, table: list[Part]) -> float:
    """Mean current on an expected day when the radio never rests; `table` is the board's."""
    others = sum(part.expected_ma for part in table if part.name not in ("processor", "radio"))
    return _RESTLESS_MA[chip] + others


def hours(cell_mah: float, current_ma: float) -> float:
    """How long a cell lasts down to what must be left."""
    return cell_mah * (1 - LEFT) / current_ma


def cell_mah(current_ma: float) -> float:
    """The smallest cell that lasts the day."""
    return DAY_H * current_ma / (1 - LEFT)
