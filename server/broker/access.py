"""Who may publish and subscribe to what: one rule, told to mosquitto as a file or as roles, to amqtt as a function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from gateway.messages import ROOT

from .verifier import verifier_of

Role = Literal["gateway", "server"]
Action = Literal["read", "write"]

# {user} is the account's own name.
_RULES: Final[dict[Role, tuple[tuple[Action, str], ...]]] = {
    "gateway": (("write", f"{ROOT}/{{user}}/up/#"), ("read", f"{ROOT}/{{user}}/down/#")),
    "server": (("read", f"{ROOT}/+/up/#"), ("write", f"{ROOT}/+/down/#")),
}


@dataclass(frozen=True)
class Account:
    """A user of the broker, known by the password or, where only that is kept, by its verifier. A gateway's name is its
    id."""

    name: str
    password: str
    role: Role
    verifier: str = ""

    @property
    def proof(self) -> str:
        """What the broker checks the password against."""
        return self.verifier or verifier_of(self.password)

    def __repr__(self) -> str:
        """Without the password, so that it never reaches a log."""
        return f"Account({self.name!r}, role={self.role!r})"


def rules(name: str, role: Role) -> tuple[tuple[Action, str], ...]:
    """What an account may do: actions, each with a topic filter."""
    return tuple((action, rule.format(user=name)) for action, rule in _RULES[role])


def allowed(name: str, role: Role, action: Action, topic_filter: str) -> bool:
    """Whether the account may publish to (`write`) or receive from (`read`) a topic or topic filter."""
    return any(action == rule_action and _covers(rule, topic_filter) for rule_action, rule in rules(name, role))


def _covers(rule: str, wanted: str) -> bool:
    """Whether every topic that `wanted` can match is matched by `rule` (MQTT 5, 4.7)."""
    if wanted.startswith("$"):
        return False
    rule_parts, wanted_parts = rule.split("/"), wanted.split("/")
    for index, part in enumerate(rule_parts):
        if part == "#":
            return True
        if index >= len(wanted_parts) or wanted_parts[index] == "#":
            return False
        if part != "+" and part != wanted_parts[index]:
            return False
    return len(rule_parts) == len(wanted_parts)


def mosquitto_acl(accounts: Iterable[Account]) -> str:
    """The rules as mosquitto's ACL file: patterns for gateways, whose name it fills in, topics for the server. The
    patterns hold for everybody, so that the server is denied them."""
    lines = ["# Written by the server; changes are lost."]
    for action, rule in _RULES["gateway"]:
        lines.append(f"pattern {action} {rule.format(user='%u')}")
    for account in accounts:
        if account.role == "server":
            lines += [f"user {account.name}", f"topic deny {ROOT}/{account.name}/#"]
            lines += [f"topic {action} {rule}" for action, rule in rules(account.name, "server")]
    return "\n".join(lines) + "\n"
