"""An MQTT broker for a practice that has none: mosquitto when it is on PATH, else amqtt in a process of ours.

Both listen on loopback only, know every account by password, and hold a gateway to its own topics (`access`).
"""

from .access import Account, Role
from .run import Broker, BrokerError, start

__all__ = ("Account", "Broker", "BrokerError", "Role", "start")
