"""A mail goes to a real SMTP listener; the way there is never in the clear beyond this machine."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator

import pytest

from server.people.mail import MailUrlError, smtp_at


class Listener(socketserver.StreamRequestHandler):
    """As little of RFC 5321 as a sender needs."""

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        for line in self.rfile:
            word = line.split()[0].upper() if line.split() else b""
            self.server.lines.append(line.decode().rstrip())  # type: ignore[attr-defined]
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                for part in self.rfile:
                    self.server.lines.append(part.decode().rstrip())  # type: ignore[attr-defined]
                    if part == b".\r\n":
                        break
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


@pytest.fixture(params=["127.0.0.1"])
def listener(request: pytest.FixtureRequest) -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer((request.param, 0), Listener) as server:
        server.lines = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_mail_arrives_with_its_link_unbroken(listener: socketserver.ThreadingTCPServer) -> None:
    port = listener.server_address[1]
    link = f"https://clinic.example.org/recovery/{'x' * 43}"
    smtp_at(f"smtp://127.0.0.1:{port}", "posture@clinic.example.org").send("mara@example.org", "Hello", f"\n  {link}\n")
    lines = listener.lines  # type: ignore[attr-defined]
    assert "mail FROM:<posture@clinic.example.org>" in [line.partition(" size")[0] for line in lines]
    assert "rcpt TO:<mara@example.org>" in lines
    assert f"  {link}" in lines


@pytest.mark.parametrize("listener", ["127.0.0.2"], indirect=True)
def test_beyond_this_machine_it_insists_on_tls(listener: socketserver.ThreadingTCPServer) -> None:
    port = listener.server_address[1]
    smtp = smtp_at(f"smtp://127.0.0.2:{port}", "posture@clinic.example.org")
    with pytest.raises(OSError, match="STARTTLS"):
        smtp.send("mara@example.org", "Hello", "text")
    assert not [line for line in listener.lines if "mara" in line]  # type: ignore[attr-defined]


def test_the_address_is_read() -> None:
    smtp = smtp_at("smtps://post%40clinic:s%2Fecret@mail.example.org", "p@example.org")
    assert (smtp.host, smtp.port, smtp.user, smtp.password) == ("mail.example.org", 465, "post@clinic", "s/ecret")
    assert "s/ecret" not in repr(smtp)


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("http://mail.example.org", "a@x"),
        ("smtp://", "a@x"),
        ("smtp://mail:port", "a@x"),
        ("smtp://mail.example.org", ""),
        ("smtp://mail.example.org", "a@x\r\nBcc: b@x"),
    ],
)
def test_what_cannot_be_an_address_is_refused(url: str, sender: str) -> None:
    with pytest.raises(MailUrlError):
        smtp_at(url, sender)
