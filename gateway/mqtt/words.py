"""Why the broker cannot be used, in words that say what to do. `where` is the broker's host and port."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Final

_NAME: Final = frozenset({62, 64})
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH (openssl-verification-options(1))."""
_NOT_YET: Final = 9
_EXPIRED: Final = 10
_UNKNOWN: Final = frozenset({2, 18, 19, 20, 21})
"""An issuer that is not to be found, a certificate that signs itself, a chain that cannot be verified."""

BAD_PASSWORD: Final = 0x86
NOT_AUTHORIZED: Final = 0x87
TAKEN_OVER: Final = 0x8E
ADMINISTRATIVE: Final = 0x98
"""Reason codes of MQTT 5 (section 2.4)."""


def cannot_connect(error: OSError, host: str, port: int, *, tls: bool) -> str:
    """Nothing came of a connection."""
    where = f"{host}:{port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _not_trusted(error, host)
    if isinstance(error, ssl.SSLError) or (tls and isinstance(error, ConnectionResetError)):
        return f"{where} does not speak TLS; check the port of broker in this gateway's configuration"
    if isinstance(error, socket.gaierror):
        return f"{host} is not to be found; check that this computer is online, and broker in its configuration"
    if isinstance(error, TimeoutError):
        return f"{where} does not answer; this computer may be offline, or the broker is down"
    return f"{where} cannot be reached ({error.strerror or error}); the broker may be down"


def _not_trusted(error: ssl.SSLCertVerificationError, host: str) -> str:
    if error.verify_code in _NAME:
        return f"the broker's certificate is for another name than {host}; check broker in this gateway's configuration"
    if error.verify_code == _EXPIRED:
        return "the broker's certificate has expired; tell the clinic, and check this computer's clock"
    if error.verify_code == _NOT_YET:
        return "the broker's certificate is not valid yet; check this computer's clock"
    if error.verify_code in _UNKNOWN:
        return (
            "the broker's certificate is from an authority that is not trusted here; ca_file in this gateway's "
            "configuration must name that of the clinic"
        )
    return f"the broker's certificate is not to be trusted: {error.verify_message}"


def unusable_authorities(ca_file: Path | None, error: OSError) -> str:
    """The certificates to trust cannot be read."""
    why = "it holds no certificates" if isinstance(error, ssl.SSLError) else error.strerror or str(error)
    return f"ca_file {ca_file} cannot be used: {why}"


def no_answer(where: str) -> str:
    """The broker took the connection and said nothing."""
    return f"{where} takes the connection and does not answer"


def closed_unanswered(where: str, *, tls: bool) -> str:
    """The broker closed the connection before it answered."""
    hint = "" if tls else "; where it wants TLS, broker must begin with mqtts:// in this gateway's configuration"
    return f"{where} closes the connection without an answer{hint}"


def turned_away(code: int, reason: str) -> str:
    """The broker refused the connection, or ended it for good."""
    if code in {BAD_PASSWORD, NOT_AUTHORIZED, ADMINISTRATIVE}:
        return (
            f"the broker does not let this gateway in ({reason}): its access was ended, or its password is wrong. "
            "The clinic can give a new code for `plumbline gateway enrol`"
        )
    if code == TAKEN_OVER:
        return "another program has come in as this gateway; stop one of the two, or enrol it by itself"
    return f"the broker refuses the connection: {reason}"


def lost(reason: str) -> str:
    """The connection ended."""
    return f"the connection was lost ({reason})"


def lost_again(problem: str) -> str:
    """Connections end soon after they were made."""
    return f"{problem}, as each time before: the network is poor, or another program has come in as this gateway"


def not_taken(kind: str, reason: str) -> str:
    """The broker refused a message."""
    return f"the broker does not take this gateway's {kind} ({reason}); they are kept here. Tell the clinic"


def not_heard(reason: str) -> str:
    """The broker refused the subscription."""
    return f"the broker does not let this gateway hear the server ({reason}). Tell the clinic"


def unacknowledged(seconds: float) -> str:
    """The broker takes rows, and the server says nothing."""
    return (
        f"the server has confirmed no records for {seconds / 60:.0f} minutes; they are kept here. It may be down, or "
        "the broker keeps them from it"
    )
