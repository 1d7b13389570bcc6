"""Sending a mail, where the settings name a server for it."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

_PORTS: Final = {"smtp": 587, "smtps": 465}
_POLICY: Final = SMTP.clone(max_line_length=900)  # links are longer than the usual 78, and are to stay whole
_TIMEOUT_S: Final = 20.0
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class MailUrlError(ValueError):
    """The address of a mail server cannot be used; the message says why."""


class Mailer(Protocol):
    """Whatever takes a mail."""

    def send(self, to: str, subject: str, text: str) -> None:
        """Hand over a mail. Raises OSError (smtplib's errors are)."""


@dataclass(frozen=True)
class Smtp:
    """A mail server. `smtps` speaks TLS from the start, `smtp` by STARTTLS, which is insisted on everywhere but on this
    machine itself. `sender` is the address that mails come from."""

    scheme: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    sender: str

    def send(self, to: str, subject: str, text: str) -> None:
        """Hand over a mail. Raises OSError (smtplib's errors are)."""
        mail = EmailMessage(_POLICY)
        mail["From"], mail["To"], mail["Subject"] = self.sender, to, subject
        mail.set_content(text)
        with self._connected() as server:
            if self.user:
                server.login(self.user, self.password)
            server.send_message(mail)

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.scheme == "smtps":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=_TIMEOUT_S, context=context)
        server = smtplib.SMTP(self.host, self.port, timeout=_TIMEOUT_S)
        if self.host not in _LOOPBACK:
            try:
                server.starttls(context=context)
            except BaseException:
                server.close()
                raise
        return server


def smtp_at(url: str, sender: str) -> Smtp:
    """The mail server at `smtp://user:password@host:587` or `smtps://...:465`. Raises MailUrlError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise MailUrlError("the address of the mail server cannot be read") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise MailUrlError("the address of the mail server must look like smtps://user:password@host:465")
    if "@" not in sender or any(sign in sender for sign in "\r\n"):
        raise MailUrlError("mails need an address that they come from, such as posture@clinic.example.org")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Smtp(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], user, password, sender)
