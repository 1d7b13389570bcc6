"""The built-in broker: amqtt (MQTT 3.1.1) with our accounts and rules.

Run as `python -m server.broker.embedded FILE`; the file says where to listen and who may come.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from amqtt.broker import Broker
from amqtt.contexts import Action
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from .access import Account, allowed

_GOODBYE_S: Final = 2.0


def _accounts(plugin: Any) -> dict[str, Account]:
    return {entry["name"]: Account(**entry) for entry in plugin.config.accounts}


class Passwords(BaseAuthPlugin):
    """Knows an account by its password."""

    async def authenticate(self, *, session: Session) -> bool | None:
        """Whether the session's user name and password belong together."""
        account = _accounts(self).get(session.username or "")
        return account is not None and hmac.compare_digest(account.password, session.password or "")

    @dataclass
    class Config:
        """Accounts as plain dicts."""

        accounts: list[dict[str, Any]] = field(default_factory=list)


class Rules(BaseTopicPlugin):
    """Holds an account to its topics."""

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool | None:
        """Whether the session may publish to, subscribe to or receive from the topic."""
        account = _accounts(self).get((session.username if session else "") or "")
        if account is None or topic is None:
            return False
        return allowed(account.name, account.role, "write" if action == Action.PUBLISH else "read", topic)

    @dataclass
    class Config:
        """Accounts as plain dicts."""

        accounts: list[dict[str, Any]] = field(default_factory=list)


def configuration(host: str, port: int, accounts: list[dict[str, Any]]) -> dict[str, Any]:
    """Configuration for amqtt: one listener, our two plugins and nothing else."""
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}"}},
        "plugins": {
            "server.broker.embedded.Passwords": {"accounts": accounts},
            "server.broker.embedded.Rules": {"accounts": accounts},
        },
    }


async def serve(settings: dict[str, Any]) -> None:
    """Serve until SIGTERM or SIGINT."""
    broker = Broker(configuration(settings["host"], settings["port"], settings["accounts"]))
    await broker.start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    await stop.wait()
    with contextlib.suppress(TimeoutError):
        # Python 3.12 lets a server wait for clients that never hang up.
        await asyncio.wait_for(broker.shutdown(), _GOODBYE_S)


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text())))
