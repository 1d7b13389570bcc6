"""Enrolment: the code that a therapist gave is exchanged at the server for this gateway's own credentials, once."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import IO, Annotated, Any, Final, Literal
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway import config as configuration
from gateway import keyrings
from gateway.config import ConfigError, GatewayConfig
from gateway.messages import GatewayId

PATH: Final = "/api/v1/enrol"
TIMEOUT_S: Final = 20.0
LARGEST: Final = 262_144
"""Bytes of an answer that are read."""
CA_FILE: Final = "broker-ca.pem"

KeepIn = Literal["auto", "keyring", "file"]


class EnrolError(Exception):
    """Enrolment failed; the message says why and what to do."""


class Credentials(BaseModel):
    """What the server gives for a code."""

    model_config = ConfigDict(frozen=True)

    gateway: GatewayId
    broker: str
    password: Annotated[str, Field(min_length=1, repr=False)]
    ca: str | None = None


@dataclass(frozen=True)
class Enrolment:
    """How this computer is enrolled now. `keyring` is the name of the one that has the password, '' for the file."""

    config: GatewayConfig
    keyring: str


def enrol(
    code: str,
    server: str,
    path: Path,
    data_dir: Path,
    *,
    replace: bool = False,
    insecure: bool = False,
    ca_file: Path | None = None,
    keep_in: KeepIn = "auto",
) -> Enrolment:
    """Exchange the code and write the configuration to `path`. What can be checked is checked before the code is used.

    `ca_file` are certificates to trust at the server instead of the system's. Raises EnrolError.
    """
    address = server_address(server, insecure=insecure)
    former = _former(path, replace=replace)
    _check_writable(path)
    given = exchange(code, address, ca_file=ca_file)
    try:
        return _write(given, path, former | {"data_dir": former.get("data_dir", data_dir)}, keep_in)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise EnrolError(
            f"the code was taken, but the configuration cannot be written to {path}: {reason}. Put that right, and ask "
            "your therapist for a new code"
        ) from error


def server_address(text: str, *, insecure: bool) -> str:
    """`https://host[:port]` of what was typed; plain http only to this computer, or to a private network when
    `insecure`. Raises EnrolError."""
    parts = urlsplit(text if "://" in text else f"https://{text}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise EnrolError(f"{text!r} is no address: {error}") from error
    if not host or parts.scheme not in {"http", "https"} or parts.username is not None:
        raise EnrolError(f"{text!r} is no address of a server; it looks like https://clinic.example.org")
    if parts.scheme == "http" and not _is_here(host) and not (insecure and _is_private(host)):
        raise EnrolError(
            f"{host} must be reached over https, or everybody on the way could read the credentials. Type "
            f"https://{host}; --insecure allows http to a test server in a private network"
        )
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def exchange(code: str, address: str, *, ca_file: Path | None = None) -> Credentials:
    """What the server gives for the code. Raises EnrolError."""
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise EnrolError(f"{ca_file} holds no certificates that can be used: {error}") from error
    opener = build_opener(HTTPSHandler(context=context), _NoDetours())
    request = Request(  # noqa: S310 - `server_address` lets http and https through only
        address + PATH,
        json.dumps({"code": code}).encode(),
        {"content-type": "application/json", "accept": "application/json"},
    )
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return Credentials.model_validate_json(answer.read(LARGEST))
    except HTTPError as error:
        raise EnrolError(_refusal(error, address)) from error
    except URLError as error:
        raise EnrolError(_no_answer(error.reason, address)) from error
    except (OSError, HTTPException) as error:
        raise EnrolError(_no_answer(error, address)) from error
    except ValidationError as error:
        raise EnrolError(f"{address} answers, but not as a Plumbline server of this version does") from error


class _NoDetours(HTTPRedirectHandler):
    """A code is sent to the address that was typed, and nowhere else."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> Request | None:
        del req, fp, code, msg, headers, newurl
        return None


def _refusal(error: HTTPError, address: str) -> str:
    if 300 <= error.code < 400:
        return f"{address} sends on to {error.headers.get('location', 'elsewhere')}; type the server's address as it is"
    try:
        problem = json.loads(error.read(LARGEST))
        title, detail = str(problem["title"]), str(problem["detail"])
    except (ValueError, TypeError, KeyError, OSError, HTTPException):
        return f"{address} answers {error.code}, as no Plumbline server does; check the address"
    return f"{title[0].lower()}{title[1:]}. {detail}" if title else detail


def _no_answer(reason: object, address: str) -> str:
    host = urlsplit(address).hostname
    if isinstance(reason, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {host} is not to be trusted: {reason.verify_message}. Check the address and this "
            "computer's clock; where the clinic has an authority of its own, name its certificate with --ca-file"
        )
    if isinstance(reason, ssl.SSLError):
        return f"{host} does not speak https as it should ({reason.reason}); check the address and its port"
    if isinstance(reason, socket.gaierror):
        return f"there is no {host} to be found; check the address, and that this computer is online"
    if isinstance(reason, TimeoutError):
        return f"{address} does not answer; check the address, and try again in a minute"
    return f"{address} cannot be reached ({reason}); check the address, and that this computer is online"


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".test", ".home.arpa"))


def _former(path: Path, *, replace: bool) -> dict[str, Any]:
    """What stays of the configuration that is replaced: everything but who the gateway is and the keys of its clips."""
    if not path.exists():
        return {}
    known = f"has a configuration in {path}"
    stays: dict[str, Any] = {}
    with suppress(ConfigError):
        old = configuration.load(path)
        known = f"is enrolled as gateway {old.gateway}"
        stays = old.model_dump(include={"data_dir", "outbox_mb", "outbox_days", "auto_calibrate", "publisher"})
    if replace:
        return stays
    raise EnrolError(
        f"this computer {known} already. To begin anew, with the clips to be paired again, add --replace; to keep "
        "both, name another file with --config"
    )


def _check_writable(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe = path.with_name(path.name + ".new")
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT, 0o600))
        probe.unlink()
    except OSError as error:
        raise EnrolError(f"cannot write {path}: {error.strerror}. The code has not been used") from error


def _write(given: Credentials, path: Path, settings: dict[str, Any], keep_in: KeepIn) -> Enrolment:
    ca_file = None
    if given.ca is not None:
        ca_file = path.absolute().with_name(CA_FILE)
        ca_file.write_text(given.ca, encoding="ascii")
    fields = settings | {
        "gateway": given.gateway,
        "broker": given.broker,
        "password": given.password,
        "ca_file": ca_file,
    }
    config = GatewayConfig.model_validate(fields)
    keyring = "" if keep_in == "file" else keyrings.keep(given.gateway, given.password)
    if keyring:
        config = config.model_copy(update={"in_keyring": True})
    elif keep_in == "keyring":
        raise ValueError("this computer has no keyring that can be used")
    configuration.save(path, config)
    return Enrolment(config, keyring)
