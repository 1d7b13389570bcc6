"""How long the MQTT side waits for what. Seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """The defaults are those of a gateway in use."""

    keep_alive_s: int = 30
    """A ping after so long without traffic; a connection that stays dead as long again is given up."""
    answer_s: float = 4.0
    """How long a broker may take to answer, at first. Some that know only MQTT 3.1.1 leave a newer client waiting."""
    retry_first_s: float = 4.0
    """After a lost connection the first wait is drawn from the upper half of this: a broker that restarts is not met
    by all gateways in one moment."""
    retry_longest_s: float = 60.0
    stable_s: float = 60.0
    """A connection that held this long starts the waits over."""
    refused_first_s: float = 60.0
    """What was refused is tried again after this, then after twice as long each time: a right that a person must give
    does not come by asking often."""
    refused_longest_s: float = 900.0
    resend_s: float = 30.0
    """Rows without the server's acknowledgement are sent again after this, then after twice as long each time."""
    resend_longest_s: float = 120.0
    silence_s: float = 300.0
    """A server that has acknowledged nothing for so long is told of."""
    look_s: float = 5.0
    """How often it is looked whether anything is overdue."""
    asleep_s: float = 20.0
    """A look that comes this much later than it should: the computer was asleep."""
