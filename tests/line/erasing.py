"""A broker, a server and a clip for the tests of erasure; the gateway is the test's own affair."""

from __future__ import annotations

import asyncio
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import paho.mqtt.client as mqtt
import uvicorn
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from sqlalchemy import Engine, select

from firmware.clip import keystore
from firmware.virtual import VirtualClip
from gateway import config as configuration
from gateway import messages
from gateway.config import ClipConfig, GatewayConfig
from gateway.lab.script import Script, Segment
from server import broker
from server.access.accounts import begin_care, create_account
from server.access.acts import Role
from server.app import create_app
from server.audit.verifying import records, verify
from server.broker import Account
from server.broker.run import free_port
from server.enrolment.doorkeeper import BrokerFace, Doorkeeper
from server.ingest.enrolment import enrol_patient
from server.mqtt.address import broker_at
from server.rights.reports import Report, reports
from server.rights.tombstones import Tombstones
from server.serving import listen, workers
from server.store import migrate, open_engine, reading
from server.store.tables import epoch_hour, metadata, patient
from tests.gateway.test_erasing import lines_with
from tests.server.conftest import PASSWORD, quick_passwords

SERIAL: Final = "00112233445566aa"
KEY: Final = bytes(range(32))
NAME: Final = "Anna Wexford"
START_UTC_MS: Final = 1_795_000_000_000
OF_ERASURES: Final = {"erasure", "erased_wearing", "erasure_order"}
"""What is kept on purpose: pseudonym, clips and times, by which late records are refused."""
HELD: Final = {"patient", "assignment", "enrolment", "care_relation", "clip_status", "epoch_hour", "gateway"}
"""What at least is held of a patient who is measured."""
LIMIT_S: Final = 60


async def soon(holds: Callable[[], bool]) -> None:
    """Let simulated time pass until it holds."""
    limit = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < limit
        await asyncio.sleep(0.2)


def at_once(holds: Callable[[], bool]) -> None:
    """Wait until it holds, while simulated time stands still."""
    limit = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.01)


class Client:
    """An account of the broker's, and what comes in for it."""

    def __init__(self, port: int, name: str, password: str, topic: str) -> None:
        self.came: queue.Queue[bytes] = queue.Queue()
        self.refused: bool | None = None
        self._ready = threading.Event()
        made = self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        made.username_pw_set(name, password)
        made.on_connect = lambda client, _data, _flags, code, _props: self._connected(client, topic, code.is_failure)
        made.on_subscribe = lambda *_: self._ready.set()
        made.on_message = lambda _client, _data, message: self.came.put(bytes(message.payload))
        made.connect("127.0.0.1", port)
        made.loop_start()
        assert self._ready.wait(LIMIT_S)

    def _connected(self, client: mqtt.Client, topic: str, refused: bool) -> None:
        self.refused = refused
        if refused:
            self._ready.set()
        else:
            client.subscribe(topic, 1)

    def send(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@dataclass
class Line:
    """All but the gateway. `utc_ms` is the server's clock."""

    folder: Path
    broker: broker.Broker
    engine: Engine
    tombstones: Tombstones
    url: str
    utc_ms: Callable[[], int] = lambda: START_UTC_MS
    patient: int = 0
    pseudonym: str = ""
    people: dict[Role, httpx.Client] = field(default_factory=dict)

    def now_ms(self) -> int:
        """The server's clock at this moment, whoever gave it."""
        return self.utc_ms()

    @property
    def flash(self) -> Path:
        return self.folder / "flash"

    def sign_in(self, role: Role) -> httpx.Client:
        client = httpx.Client(base_url=self.url, headers={"origin": self.url}, timeout=LIMIT_S)
        answer = client.post("/api/v1/session", json={"email": f"{role}@example.org", "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        client.headers["x-form-token"] = answer.json()["form_token"]
        return client

    def enrol(self, name: str = "home") -> Path:
        """The patient's computer, by a code of the therapist's; its configuration, with the clip in it."""
        shown = self.people[Role.THERAPIST].post(f"/patients/{self.patient}/computers/code").text
        code = re.search(r"plumbline gateway enrol (\S+) --server", shown)
        assert code is not None
        given = httpx.post(f"{self.url}/api/v1/enrol", json={"code": code[1]}).json()
        path = self.folder / name / "gateway.json"
        made = GatewayConfig(
            gateway=given["gateway"],
            broker=given["broker"],
            password=given["password"],
            data_dir=self.folder / name,
            clips=(ClipConfig(serial=SERIAL, key=KEY.hex(), simulated=True),),
        )
        configuration.save(path, made)
        return path

    def clip(self, path: Path) -> VirtualClip:
        """The clip, paired with the computer that is configured so."""
        self.flash.mkdir()
        keystore.save([(bytes.fromhex(configuration.load(path).gateway), KEY)], str(self.flash / keystore.FILE))
        return VirtualClip(SERIAL, flash=self.flash, motion=Script([Segment(36_000.0)], seed=3), heap="256k")

    def measured(self) -> bool:
        """Whether the patient's minutes have arrived."""
        with reading(self.engine) as db:
            arrived = db.scalar(select(epoch_hour.c.patient_id).limit(1)) == self.patient
        return arrived and held(self.engine, self.patient, self.pseudonym) >= HELD

    def erase(self) -> int:
        """By the administrator, who types what it takes; the erasure's number."""
        administrator = self.people[Role.ADMINISTRATOR]
        where = f"/patients/{self.patient}/erase"
        assert administrator.post(where, data={"typed": NAME}).status_code == 422
        answer = administrator.post(where, data={"typed": self.pseudonym})
        assert answer.status_code == 303
        return int(answer.headers["location"].rsplit("/", 1)[1])

    def give_up(self, number: int, gateway: str) -> None:
        """The administrator waits no more for this computer, and for no other."""
        administrator = self.people[Role.ADMINISTRATOR]
        assert f"/erasures/{number}/computers/{gateway}/disconnect" in self.told(number)
        assert administrator.post(f"/erasures/{number}/computers/{'f' * 16}/disconnect").status_code == 404
        assert administrator.post(f"/erasures/{number}/computers/{gateway}/disconnect").status_code == 303

    def report(self) -> Report:
        with reading(self.engine) as db:
            (found,) = reports(db)
        return found

    def complete(self) -> bool:
        return self.report().completed_ms is not None

    def told(self, number: int) -> str:
        """What the administrator's page says of the erasure."""
        return self.people[Role.ADMINISTRATOR].get(f"/erasures/{number}").text

    def may_come(self, path: Path) -> bool:
        """Whether the broker lets this computer in."""
        config = configuration.load(path)
        visitor = Client(
            self.broker.port, config.gateway, config.password or "", messages.topic(config.gateway, "down", "ack")
        )
        visitor.close()
        return not visitor.refused


def held(engine: Engine, patient_id: int, pseudonym: str) -> set[str]:
    """The tables that hold something of the patient: by their own references, or in words."""
    found: set[str] = set()
    with reading(engine) as db:
        for table in metadata.sorted_tables:
            for key in table.foreign_keys:
                if key.references(patient) and db.execute(select(table).where(key.parent == patient_id)).first():
                    found.add(table.name)
            words = [NAME]
            if table.name not in OF_ERASURES:
                words.append(SERIAL)
                words += [] if table.name == "audit_entry" else [pseudonym]
            text = repr(db.execute(select(table)).all())
            if any(word in text for word in words):
                found.add(table.name)
    return found


def nothing_is_held(engine: Engine, patient_id: int, pseudonym: str) -> None:
    """Nothing of the patient is in any table; the trail is whole and knows the pseudonym only."""
    assert held(engine, patient_id, pseudonym) == set()
    with reading(engine) as db:
        assert verify(db).fault is None
        erased = [entry for entry in records(db) if entry.act == "erase everything" and entry.outcome == "done"]
    assert {entry.patient for entry in erased} == {pseudonym}


def nothing_is_left_at(path: Path) -> None:
    """Nothing of the clip is in the computer's configuration, its file, or anything beside them."""
    made = configuration.load(path)
    assert made.clips == ()
    left = [line for line in lines_with(made.database, SERIAL) if "forsaken" not in line]
    assert left == []
    for file in made.data_dir.iterdir():
        if file.is_file():
            data = file.read_bytes()
            assert KEY.hex().encode() not in data, file
            assert f'"clip":"{SERIAL}","boot"'.encode() not in data, file


@contextmanager
def a_line(folder: Path) -> Iterator[Line]:
    """Broker and server at work, with a patient, a therapist who cares for them, and an administrator."""
    engine = open_engine(f"sqlite:///{folder / 'store.db'}")
    migrate(engine)
    own = Account("server", "serve", "server")
    tombstones = Tombstones(folder / "tombstones")
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        at = broker.start(folder / "broker", [own])
        stack.callback(at.stop)
        port = free_port()
        line = Line(folder, at, engine, tombstones, f"http://127.0.0.1:{port}")
        _fill(line)
        keeper = Doorkeeper(engine, BrokerFace(at.url), [own], at.admit)
        keeper.start()
        stack.callback(keeper.stop)
        stack.enter_context(workers(engine, broker_at(at.url, password="serve"), line.now_ms))
        app = create_app(
            engine,
            line.now_ms,
            session_clock=lambda: START_UTC_MS,
            passwords=quick_passwords(),
            doorkeeper=keeper,
            tombstones=tombstones,
        )
        stack.enter_context(_served(app, port))
        for role in (Role.THERAPIST, Role.ADMINISTRATOR):
            line.people[role] = line.sign_in(role)
            stack.callback(line.people[role].close)
        yield line


def _fill(line: Line) -> None:
    made: dict[Role, int] = {}
    for role in (Role.THERAPIST, Role.ADMINISTRATOR):
        made[role] = create_account(
            line.engine,
            quick_passwords(),
            email=f"{role}@example.org",
            name=f"Dana {role}",
            password=PASSWORD,
            now_ms=START_UTC_MS,
            role=role,
        )
    line.patient = enrol_patient(line.engine, name=NAME, zone="Europe/Berlin", now_ms=START_UTC_MS)
    begin_care(line.engine, made[Role.THERAPIST], line.patient, START_UTC_MS)
    with reading(line.engine) as db:
        line.pseudonym = db.scalars(select(patient.c.pseudonym)).one()


@contextmanager
def _served(app: Any, port: int) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listen("127.0.0.1", port)],))
    thread.start()
    try:
        at_once(lambda: server.started)
        yield
    finally:
        server.should_exit = True
        thread.join()
