"""The built-in broker: amqtt (MQTT 3.1.1) with our accounts and rules.

Run as `python -m server.broker.embedded FILE`; the file says where to listen and who may come.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from amqtt.broker import Broker
from amqtt.contexts import Action
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from .access import allowed
from .register import Register

_GOODBYE_S: Final = 2.0
_LOOK_S: Final = 0.5
_OWNER: Final = "plumbline.owner"


@cache
def _register(path: str) -> Register:
    return Register(Path(path))


class Passwords(BaseAuthPlugin):
    """Knows an account by its password."""

    async def authenticate(self, *, session: Session) -> bool | None:
        """Whether the session's user name and password belong together, its will goes where the account may write, and
        the session, where it is resumed, has been this account's from the beginning."""
        register = _register(self.config.accounts)
        register.look()
        account = register.account(session.username)
        if account is None or not register.knows(session.username, session.password):
            return False
        # The broker itself sends a will unasked, and a resumed session what came for it meanwhile.
        if session.will_flag and not allowed(account.name, account.role, "write", session.will_topic or ""):
            return False
        owner: str = session.attributes.setdefault(_OWNER, account.name)
        return owner == account.name

    @dataclass
    class Config:
        """The accounts' file."""

        accounts: str = ""


class Rules(BaseTopicPlugin):
    """Holds an account to its topics."""

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool | None:
        """Whether the session may publish to, subscribe to or receive from the topic."""
        register = _register(self.config.accounts)
        register.look()
        account = register.account(session.username if session else None)
        if account is None or topic is None:
            return False
        return allowed(account.name, account.role, "write" if action == Action.PUBLISH else "read", topic)

    @dataclass
    class Config:
        """The accounts' file."""

        accounts: str = ""


class HouseBroker(Broker):
    """amqtt's broker, except that whoever comes is sent what is kept for subscriptions of their own alone: amqtt goes
    through everybody's."""

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        subscribed = self.subscriptions.get(subscription[0], [])
        if any(subscriber.client_id == session.client_id for subscriber, _ in subscribed):
            await super()._publish_retained_messages_for_subscription(subscription, session)


def configuration(host: str, port: int, accounts: str) -> dict[str, Any]:
    """Configuration for amqtt: one listener, our two plugins and nothing else."""
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}"}},
        "plugins": {
            "server.broker.embedded.Passwords": {"accounts": accounts},
            "server.broker.embedded.Rules": {"accounts": accounts},
        },
    }


async def _show_out(broker: Broker, register: Register) -> None:
    """End the connections of those whose account is gone, soon after it is."""
    while True:
        await asyncio.sleep(_LOOK_S)
        register.look()
        for session, handler in list(broker.sessions.values()):
            if register.account(session.username) is None and session.transitions.is_connected():
                await handler.handle_connection_closed()


async def serve(settings: dict[str, Any]) -> None:
    """Serve until SIGTERM or SIGINT."""
    broker = HouseBroker(configuration(settings["host"], settings["port"], settings["accounts"]))
    await broker.start()
    doorman = asyncio.create_task(_show_out(broker, _register(settings["accounts"])))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    await stop.wait()
    doorman.cancel()
    with contextlib.suppress(TimeoutError):
        # Python 3.12 lets a server wait for clients that never hang up.
        await asyncio.wait_for(broker.shutdown(), _GOODBYE_S)


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text())))
