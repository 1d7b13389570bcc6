"""A code is exchanged for credentials: what is checked before, what is said when it cannot be, and where secrets go."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import keyring
import keyring.backend
import keyring.errors
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner, Result

from gateway import config as configuration
from gateway.commands import app
from gateway.config import ClipConfig, ConfigError, GatewayConfig
from gateway.enrolling import EnrolError, enrol, exchange, server_address
from server.broker.run import free_port

GATEWAY, PASSWORD, CODE = "00000000000a7e01", "drawn-for-this-gateway", "4F7KQ-M2XPN"
GIVEN = {"gateway": GATEWAY, "broker": "mqtts://broker.example.org:8883", "password": PASSWORD, "ca": None}


@dataclass
class Clinic:
    """A server that answers as told."""

    url: str = ""
    status: int = 201
    body: Any = field(default_factory=lambda: dict(GIVEN))
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)

    def refuse(self, status: int, title: str, detail: str) -> None:
        self.status, self.body = status, {"title": title, "detail": detail, "status": status}


@pytest.fixture
def clinics() -> Iterator[Callable[..., Clinic]]:
    running: list[HTTPServer] = []

    def start(context: ssl.SSLContext | None = None) -> Clinic:
        clinic = Clinic()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                clinic.asked.append((self.path, json.loads(body)))
                data = clinic.body if isinstance(clinic.body, bytes) else json.dumps(clinic.body).encode()
                self.send_response(clinic.status)
                for name, value in {"content-length": str(len(data)), **clinic.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        running.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        clinic.url = f"{'http' if context is None else 'https'}://127.0.0.1:{server.server_port}"
        return clinic

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def clinic(clinics: Callable[..., Clinic]) -> Clinic:
    return clinics()


def certificate(folder: Path, host: str) -> tuple[Path, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a clinic")])
    now = dt.datetime.now(dt.UTC)
    where: x509.GeneralName = x509.DNSName(host) if host[0].isalpha() else x509.IPAddress(ip_address(host))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([where]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context


def refusal(address: str, **options: Any) -> str:
    with pytest.raises(EnrolError) as caught:
        exchange(CODE, address, **options)
    return str(caught.value)


def test_the_configuration_is_written_for_its_user_only(clinic: Clinic, tmp_path: Path) -> None:
    path = tmp_path / "new" / "gateway.json"
    made = enrol(CODE, clinic.url, path, tmp_path / "data", keep_in="file")
    assert clinic.asked == [("/api/v1/enrol", {"code": CODE})]
    assert path.stat().st_mode & 0o077 == 0
    loaded = configuration.load(path)
    assert (loaded.gateway, loaded.broker, loaded.password) == (GATEWAY, GIVEN["broker"], PASSWORD)
    assert (loaded.data_dir, loaded.clips, made.keyring) == (tmp_path / "data", (), "")
    assert PASSWORD not in repr(made)


def test_the_brokers_own_authority_is_kept_beside(clinic: Clinic, tmp_path: Path) -> None:
    clinic.body["ca"] = "-----BEGIN CERTIFICATE-----\n"
    enrol(CODE, clinic.url, tmp_path / "gateway.json", tmp_path, keep_in="file")
    ca_file = configuration.load(tmp_path / "gateway.json").ca_file
    assert ca_file is not None
    assert ca_file.read_text() == clinic.body["ca"]


def test_an_enrolment_is_not_overwritten_unless_asked(clinic: Clinic, tmp_path: Path) -> None:
    path = tmp_path / "gateway.json"
    old = GatewayConfig(
        gateway="0" * 16,
        broker="mqtt://old",
        password="old",
        data_dir=tmp_path / "kept",
        outbox_mb=77,
        clips=(ClipConfig(serial="a" * 16, key="b" * 64),),
    )
    configuration.save(path, old)
    with pytest.raises(EnrolError, match=r"gateway 0000000000000000 already.*--replace"):
        enrol(CODE, clinic.url, path, tmp_path / "data")
    assert clinic.asked == [], "the code is still good"
    enrol(CODE, clinic.url, path, tmp_path / "data", replace=True, keep_in="file")
    loaded = configuration.load(path)
    assert (loaded.gateway, loaded.password, loaded.clips) == (GATEWAY, PASSWORD, ())
    assert (loaded.data_dir, loaded.outbox_mb) == (tmp_path / "kept", 77)


def test_a_place_that_cannot_be_written_does_not_cost_the_code(clinic: Clinic, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnrolError, match="The code has not been used"):
        enrol(CODE, clinic.url, tmp_path / "file" / "gateway.json", tmp_path)
    assert clinic.asked == []


@pytest.mark.parametrize(
    ("typed", "insecure", "meant"),
    [
        ("https://clinic.example.org", False, "https://clinic.example.org"),
        ("clinic.example.org", False, "https://clinic.example.org"),
        ("https://clinic.example.org:8443/plumbline/", False, "https://clinic.example.org:8443/plumbline"),
        ("http://localhost:8000", False, "http://localhost:8000"),
        ("http://127.0.0.1:8000", False, "http://127.0.0.1:8000"),
        ("http://[::1]:8000", False, "http://[::1]:8000"),
        ("http://192.168.1.5:8000", True, "http://192.168.1.5:8000"),
        ("http://clinic.local", True, "http://clinic.local"),
    ],
)
def test_addresses(typed: str, insecure: bool, meant: str) -> None:
    assert server_address(typed, insecure=insecure) == meant


@pytest.mark.parametrize(
    ("typed", "insecure", "words"),
    [
        ("http://clinic.example.org", False, "must be reached over https"),
        ("http://clinic.example.org", True, "must be reached over https"),
        ("http://8.8.8.8", True, "must be reached over https"),
        ("http://192.168.1.5", False, "--insecure"),
        ("ftp://clinic.example.org", False, "no address of a server"),
        ("https://me:secret@clinic.example.org", False, "no address of a server"),
        ("https://clinic.example.org:x", False, "no address"),
        ("", False, "no address of a server"),
    ],
)
def test_addresses_that_are_refused(typed: str, insecure: bool, words: str) -> None:
    with pytest.raises(EnrolError, match=words):
        server_address(typed, insecure=insecure)


def test_what_the_server_says_is_passed_on(clinic: Clinic) -> None:
    clinic.refuse(410, "The code has been used", "Ask your therapist for a new one.")
    assert refusal(clinic.url) == "the code has been used. Ask your therapist for a new one."


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (404, b"<html>not here</html>", "answers 404, as no Plumbline server does"),
        (500, b"[]", "answers 500, as no Plumbline server does"),
        (201, b"welcome", "not as a Plumbline server of this version"),
        (201, {"gateway": "short", "broker": "x", "password": "y"}, "not as a Plumbline server of this version"),
    ],
)
def test_another_server_is_told_apart(clinic: Clinic, status: int, body: Any, words: str) -> None:
    clinic.status, clinic.body = status, body
    assert words in refusal(clinic.url)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_code_goes_to_no_other_address(clinics: Callable[..., Clinic], status: int) -> None:
    clinic, other = clinics(), clinics()
    clinic.status, clinic.headers = status, {"location": f"{other.url}/api/v1/enrol"}
    assert "sends on to" in refusal(clinic.url)
    assert other.asked == []


def test_a_certificate_of_the_clinics_own_authority(clinics: Callable[..., Clinic], tmp_path: Path) -> None:
    public, context = certificate(tmp_path, "127.0.0.1")
    clinic = clinics(context)
    words = refusal(clinic.url)
    assert "not to be trusted" in words
    assert "--ca-file" in words
    assert clinic.asked == []
    assert exchange(CODE, clinic.url, ca_file=public).gateway == GATEWAY
    assert "no certificates" in refusal(clinic.url, ca_file=tmp_path / "key.pem")


def test_a_certificate_for_another_name(clinics: Callable[..., Clinic], tmp_path: Path) -> None:
    public, context = certificate(tmp_path, "elsewhere.example.org")
    clinic = clinics(context)
    assert "not to be trusted" in refusal(clinic.url, ca_file=public)
    assert clinic.asked == []


def test_a_server_without_tls_and_one_that_is_not_there(clinic: Clinic) -> None:
    assert "does not speak https" in refusal(clinic.url.replace("http:", "https:"))
    assert "cannot be reached" in refusal(f"http://127.0.0.1:{free_port()}")
    assert "no nowhere.invalid to be found" in refusal("https://nowhere.invalid")


# --- the keyring ---


class Drawer(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 5
    name = "Drawer"

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")
        self.kept[service, username] = password

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")
        return self.kept.get((service, username))


@pytest.fixture
def drawer() -> Iterator[Drawer]:
    before, made = keyring.get_keyring(), Drawer()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def test_the_keyring_has_the_password_where_there_is_one(clinic: Clinic, tmp_path: Path, drawer: Drawer) -> None:
    path = tmp_path / "gateway.json"
    made = enrol(CODE, clinic.url, path, tmp_path)
    assert made.keyring == "Drawer"
    assert PASSWORD not in path.read_text()
    loaded = configuration.load(path)
    assert loaded.password == PASSWORD
    configuration.save(path, loaded.with_clip(ClipConfig(serial="a" * 16, key="b" * 64)))
    assert PASSWORD not in path.read_text(), "also when it is saved again"
    assert configuration.load(path).password == PASSWORD
    drawer.locked = True
    with pytest.raises(ConfigError, match="unlock it"):
        configuration.load(path)
    drawer.locked = False
    drawer.kept.clear()
    with pytest.raises(ConfigError, match=f"no password of gateway {GATEWAY}"):
        configuration.load(path)


def test_a_locked_keyring_leaves_it_to_the_file(clinic: Clinic, tmp_path: Path, drawer: Drawer) -> None:
    drawer.locked = True
    assert enrol(CODE, clinic.url, tmp_path / "gateway.json", tmp_path).keyring == ""
    assert configuration.load(tmp_path / "gateway.json").password == PASSWORD


def test_without_the_package_it_is_left_to_the_file(
    clinic: Clinic, tmp_path: Path, drawer: Drawer, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(CODE, clinic.url, tmp_path / "kept.json", tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "keyring", None)
    assert enrol(CODE, clinic.url, tmp_path / "gateway.json", tmp_path).keyring == ""
    with pytest.raises(EnrolError, match="no keyring that can be used"):
        enrol(CODE, clinic.url, tmp_path / "third.json", tmp_path, keep_in="keyring")
    with pytest.raises(ConfigError, match="pip install"):
        configuration.load(tmp_path / "kept.json")


# --- the command ---


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_says_where_things_are_and_never_the_password(clinic: Clinic, tmp_path: Path) -> None:
    path = tmp_path / "gateway.json"
    result = call("enrol", CODE, "--server", clinic.url, "--config", path, "--data-dir", tmp_path, "--keep-in", "file")
    assert result.exit_code == 0, result.output
    for words in (GATEWAY, str(path), GIVEN["broker"], "only you can read", f"gateway pair --config {path}"):
        assert str(words) in result.stdout
    assert PASSWORD not in result.output
    again = call("enrol", CODE, "--server", clinic.url, "--config", path)
    assert again.exit_code == 1
    assert "--replace" in again.stderr
    assert len(again.stderr.strip().splitlines()) == 1


def test_the_command_asks_for_what_is_missing(clinic: Clinic, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["enrol", "--config", str(tmp_path / "g.json"), "--keep-in", "file"], input=f"{clinic.url}\n{CODE}\n"
    )
    assert result.exit_code == 0, result.output
    assert clinic.asked[0][1] == {"code": CODE}
    assert configuration.load(tmp_path / "g.json").data_dir == tmp_path / "g-data", "no other gateway's"


def test_pair_needs_an_enrolment_and_a_gateway_that_does_not_run(tmp_path: Path) -> None:
    from gateway.alone import Alone

    missing = call("pair", "--config", tmp_path / "gateway.json")
    assert missing.exit_code == 2
    assert "gateway enrol" in missing.stderr
    made = GatewayConfig(gateway=GATEWAY, broker="mqtt://127.0.0.1", data_dir=tmp_path / "data")
    configuration.save(tmp_path / "gateway.json", made)
    with Alone(tmp_path / "data"):
        for command in ("pair", "run"):
            refused = call(command, "--config", tmp_path / "gateway.json")
            assert refused.exit_code == 1
            assert "Stop it first" in refused.stderr
