"""mosquitto's dynamic security, as data: what it should hold for our accounts, and the commands that bring it there.

Every account has a client and a role of its own. The role names its topics literally: patterns on the user's name are
understood from mosquitto 2.1 on only. Clients and roles that are not ours stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from server.broker.access import Account, rules
from server.broker.verifier import matches

Command = dict[str, Any]

OURS: Final = "Plumbline"
"""How clients and roles of ours are marked (`textname`). A client carries the verifier of its password beside it
(`textdescription`), which tells whether the broker has the password that the store has."""
ROLE: Final = "plumbline-"
"""What the names of our roles begin with; the account's name follows."""
DENIED: Final = ("publishClientSend", "publishClientReceive", "subscribe")
"""What nobody may unless a role says so. As it comes, the broker lets anybody receive."""
_ACLS: Final = {"write": ("publishClientSend",), "read": ("publishClientReceive", "subscribePattern")}


@dataclass(frozen=True)
class Held:
    """What the broker holds, as it lists it."""

    clients: Mapping[str, Mapping[str, Any]]
    roles: Mapping[str, Mapping[str, Any]]
    allowed: frozenset[str]
    """Kinds of access that are granted where no role says anything."""


@dataclass(frozen=True)
class Changes:
    """Commands in the order in which they must be given, and the accounts whose password nobody can say any more."""

    commands: tuple[Command, ...]
    speechless: tuple[str, ...]


def changes(held: Held, accounts: Sequence[Account], password_of: Callable[[str], str]) -> Changes:
    """What makes the broker admit exactly these accounts, besides those that are not ours.

    The broker takes passwords in the clear only. `password_of` says a gateway's again; where its verifier is of another
    password, the account cannot be made and is reported.
    """
    commands: list[Command] = []
    speechless: list[str] = []
    if not held.allowed.isdisjoint(DENIED):
        acls = [{"acltype": kind, "allow": False} for kind in DENIED]
        commands.append({"command": "setDefaultACLAccess", "acls": acls})
    wanted = {account.name: account for account in accounts}
    for name, there in held.clients.items():
        if there.get("textname") == OURS and name not in wanted:
            commands.append({"command": "deleteClient", "username": name})
    for name, listed in held.roles.items():
        if name.startswith(ROLE) and listed.get("textname") == OURS and name.removeprefix(ROLE) not in wanted:
            commands.append({"command": "deleteRole", "rolename": name})
    for account in accounts:
        role, client = held.roles.get(ROLE + account.name), held.clients.get(account.name)
        if (
            role is not None
            and _acls(role) == _acls(_role(account))
            and client is not None
            and _stands(client, account)
        ):
            continue
        if client is not None:
            commands.append({"command": "deleteClient", "username": account.name})
        if role is not None:
            commands.append({"command": "deleteRole", "rolename": ROLE + account.name})
        password = account.password or password_of(account.name)
        if account.password or matches(password, account.verifier):
            commands += _new(account, password)
        else:
            speechless.append(account.name)
    return Changes(tuple(commands), tuple(speechless))


def _new(account: Account, password: str) -> Iterable[Command]:
    yield {"command": "createRole", **_role(account)}
    yield {
        "command": "createClient",
        "username": account.name,
        "password": password,
        "textname": OURS,
        "textdescription": account.proof,
        "roles": [{"rolename": ROLE + account.name}],
    }


def _stands(client: Mapping[str, Any], account: Account) -> bool:
    verifier = client.get("textdescription", "")
    same = matches(account.password, verifier) if account.password else verifier == account.verifier
    only_role = [role["rolename"] for role in client.get("roles", ())] == [ROLE + account.name]
    return same and only_role and not client.get("groups") and not client.get("disabled", False)


def _role(account: Account) -> Command:
    acls = [
        {"acltype": kind, "topic": topic, "priority": 0, "allow": True}
        for action, topic in rules(account.name, account.role)
        for kind in _ACLS[action]
    ]
    return {"rolename": ROLE + account.name, "textname": OURS, "acls": acls}


def _acls(role: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    return sorted((acl["acltype"], acl["topic"], acl["allow"]) for acl in role.get("acls", ()))
