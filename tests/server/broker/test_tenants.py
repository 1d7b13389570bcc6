"""Every way to somebody else's data that a broker offers, tried on every broker.

Computers of several patients are enrolled with codes; the broker is told of them by the store, as it is while serving.
Whatever is tried, those it is aimed at must get their own messages and nothing besides.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gateway.messages import DOWN_KINDS as DOWN
from gateway.messages import ROOT, topic
from gateway.messages import UP_KINDS as UP
from server.access.accounts import create_account
from server.broker import Account, start
from server.broker.gateway_key import GatewayKey
from server.broker.verifier import verifier_of
from server.enrolment.doorkeeper import BrokerFace, Doorkeeper
from server.enrolment.service import offer_code, redeem, revoke
from server.ingest.enrolment import enrol_patient
from server.mqtt.control import DynamicSecurity
from server.store import open_engine
from tests.server.broker.conftest import PATH, PATIENCE_S, Client, Dynsec, Will
from tests.server.conftest import quick_passwords

KINDS = ("mosquitto with files", "mosquitto with dynamic security", "amqtt")
NOW = 1_790_000_000_000
FORGED = b"forged"
HONEST = {b"true", b"end"}


@dataclass
class House:
    """A broker with everybody who is meant to be there."""

    kind: str
    port: int
    engine: Engine
    keeper: Doorkeeper
    passwords: dict[str, str]
    """Of gateways: three of three patients, and one for each test that revokes."""
    patients: dict[str, int]
    author: int
    opened: list[Client] = field(default_factory=list)

    @property
    def gateways(self) -> list[str]:
        return list(self.passwords)

    def client(self, name: str | None, password: str | None = None, *, v5: bool = True, **more: object) -> Client:
        known = {"server": "ours", **self.passwords}
        password = known.get(name or "") if password is None else password
        made = Client(self.port, name, password, v5=v5 and self.kind != "amqtt", **more)  # type: ignore[arg-type]
        self.opened.append(made)
        return made

    def arrived(self, name: str | None, **more: object) -> Client:
        made = self.client(name, **more)  # type: ignore[arg-type]
        assert made.connect()
        return made


@pytest.fixture(params=KINDS, scope="module")
def house(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    sqlite_template: Path,
    start_dynsec: Callable[[], Dynsec],
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("tenants")
    shutil.copy(sqlite_template, folder / "plumbline.db")
    engine = open_engine(f"sqlite:///{folder / 'plumbline.db'}")
    patients = [enrol_patient(engine, name=f"Patient {n}", zone="Europe/Berlin", now_ms=0) for n in range(4)]
    author = create_account(
        engine, quick_passwords(), email="mara@example.org", name="Mara", password="a quiet afternoon", now_ms=0
    )
    own = Account("server", "ours", "server", verifier_of("ours"))
    stop = None
    if request.param == "mosquitto with dynamic security":
        dynsec = start_dynsec()
        port, password_of = dynsec.port, GatewayKey(folder / "key").password_of
        face = BrokerFace(dynsec.admin.url)
        keeper = Doorkeeper(
            engine, face, [own], DynamicSecurity(dynsec.admin, password_of).admit, new_password=password_of
        )
    else:
        if request.param != "amqtt" and not shutil.which("mosquitto", path=PATH):
            pytest.skip("mosquitto is not installed")
        broker = start(folder / "broker", [own], kind="amqtt" if request.param == "amqtt" else "mosquitto")
        port, stop = broker.port, broker.stop
        keeper = Doorkeeper(engine, BrokerFace(broker.url), [own], broker.admit)
    made = [
        redeem(
            engine,
            offer_code(engine, patient_id, author_id=author, now_ms=NOW).code,
            now_ms=NOW,
            new_password=keeper.new_password,
        )
        for patient_id in patients
    ]
    keeper.refresh()
    yield House(
        request.param,
        port,
        engine,
        keeper,
        {one.gateway: one.password for one in made},
        {one.gateway: one.patient_id for one in made},
        author,
    )
    if stop is not None:
        stop()
    engine.dispose()


@pytest.fixture
def people(house: House) -> Iterator[House]:
    """The house; who comes in a test leaves after it."""
    yield house
    while house.opened:
        house.opened.pop().close()


class Traffic:
    """The server and every gateway, each listening to what is its own. `check` lets each be told something at the end
    and finds what came before that did not belong there."""

    def __init__(self, house: House, besides: tuple[str, ...] = ()) -> None:
        self.server = house.arrived("server")
        assert self.server.subscribe(f"{ROOT}/+/up/#")
        self.gateways = {name: house.arrived(name) for name in house.gateways if name not in besides}
        for name, client in self.gateways.items():
            assert client.subscribe(f"{ROOT}/{name}/down/#")
        self._round = 0
        self._house = house
        self.check()

    def flow(self) -> None:
        """Every kind of message, up and down, of everybody."""
        for name, client in self.gateways.items():
            for kind in UP:
                assert client.publish(topic(name, "up", kind), b"true", retain=kind == "status")
            for kind in DOWN:
                assert self.server.publish(topic(name, "down", kind), b"true")

    def check(self) -> None:
        """Nothing but what `flow` sent has arrived anywhere; told in the order in which brokers deliver."""
        self._round += 1
        last = f"last {self._round}".encode()
        for name, client in self.gateways.items():
            assert self.server.publish(topic(name, "down", "ack"), last)
            came = client.received((topic(name, "down", "ack"), last))
            assert {t for t, _ in came} <= {topic(name, "down", kind) for kind in DOWN}, "somebody else's"
            assert {payload for _, payload in came} <= HONEST
            assert client.publish(topic(name, "up", "reply"), last)
            came = self.server.received((topic(name, "up", "reply"), last))
            assert {payload for _, payload in came} <= HONEST, f"forged: {came}"


def targets(house: House, me: str) -> list[str]:
    """Topics on which `me` must not be heard."""
    others = [name for name in house.gateways if name != me]
    aimed = [topic(name, "up", kind) for name in others for kind in UP]
    aimed += [topic(name, "down", kind) for name in house.gateways for kind in DOWN]
    odd = [f"{ROOT}/{others[0]}", f"{ROOT}/{others[0]}/up", f"{ROOT}//up/records", f"{ROOT}/up/records", ROOT]
    odd += [f"{ROOT}/{me}/sideways/records", f"{ROOT}/{me}", f"/{topic(me, 'up', 'records')}", "plumbline/v2/x/up/y"]
    odd += [f"plumbline/v1/{me}{others[0]}/up/records", topic(others[0], "up", "records").upper()]
    return aimed + odd


def filters(house: House, me: str) -> list[str]:
    """Filters that reach beyond what is meant for `me`."""
    others = [name for name in house.gateways if name != me]
    wide = ["#", "+/#", "+/+/+/+/+", "plumbline/#", f"{ROOT}/#", f"{ROOT}/+/#", f"{ROOT}/+/down/#", f"{ROOT}/+/up/#"]
    wide += [f"{ROOT}/+/+/+", f"{ROOT}/+/down/ack", f"{ROOT}/{me}/#", f"{ROOT}/{me}/up/#", f"{ROOT}/{me}/+/ack"]
    wide += [f"{ROOT}/{other}/{way}/#" for other in others for way in ("up", "down")]
    shared = [f"$share/x/{name}" for name in ("#", f"{ROOT}/+/down/#", f"{ROOT}/{others[0]}/down/#", f"{ROOT}/+/up/#")]
    return [*wide, *shared, "$SYS/#", "$CONTROL/#", "$CONTROL/dynamic-security/v1/response"]


@pytest.mark.parametrize("v5", [True, False], ids=["MQTT 5", "MQTT 3.1.1"])
def test_no_gateway_writes_as_another_or_as_the_server(people: House, v5: bool) -> None:
    traffic = Traffic(people)
    for me in people.gateways[:2]:
        thief = people.arrived(me, v5=v5)
        for aim in targets(people, me):
            told = thief.publish(aim, FORGED, retain=True)
            assert not told or not thief.v5, f"{aim} was taken"
            told = thief.publish(aim, b"", retain=True)
            assert not told or not thief.v5, f"{aim} was taken, to forget what is kept there"
        for aim in ("$SYS/broker/version", "$CONTROL/dynamic-security/v1", "$share/x/" + targets(people, me)[0]):
            thief.publish(aim, b'{"commands":[{"command":"createClient","username":"x","password":"x"}]}')
    traffic.flow()
    traffic.check()
    late = people.arrived("server")
    assert late.subscribe(f"{ROOT}/+/up/#")
    assert traffic.gateways[people.gateways[0]].publish(topic(people.gateways[0], "up", "reply"), b"end")
    kept = late.received((topic(people.gateways[0], "up", "reply"), b"end"))
    assert {payload for _, payload in kept} == {b"true"}, "forged messages were kept for later"
    assert people.client("x", "x").connect() is False


@pytest.mark.parametrize("v5", [True, False], ids=["MQTT 5", "MQTT 3.1.1"])
def test_no_gateway_hears_what_is_not_for_it(people: House, v5: bool) -> None:
    traffic = Traffic(people)
    traffic.flow()  # so that something is kept for later
    for me in people.gateways[:2]:
        thief = people.arrived(me, v5=v5)
        for wanted in filters(people, me):
            granted = thief.subscribe(wanted)
            # With files, mosquitto grants every subscription, and then lets nothing through.
            assert not granted or people.kind == "mosquitto with files", f"{wanted} was granted"
        traffic.flow()
        traffic.check()
        assert thief.subscribe(f"{ROOT}/{me}/down/#")
        assert traffic.server.publish(topic(me, "down", "ack"), b"end")
        came = {t for t, _ in thief.received((topic(me, "down", "ack"), b"end"))}
        assert came <= {topic(me, "down", kind) for kind in DOWN}


def test_no_last_will_speaks_for_another(people: House) -> None:
    traffic = Traffic(people)
    me, other = people.gateways[:2]
    for aim in (topic(other, "up", "status"), topic(other, "down", "command"), topic(me, "down", "plan")):
        thief = people.client(me, will=Will(aim, FORGED))
        if thief.connect():
            thief.break_off()
    honest = people.arrived(me, will=Will(topic(me, "up", "status"), b"true"))
    honest.break_off()
    while traffic.server.inbox.get(timeout=PATIENCE_S) != (topic(me, "up", "status"), b"true"):
        pass
    traffic.check()


def test_nobody_inherits_what_waits_for_another(people: House) -> None:
    """A session that outlives its connection, taken over under its own client id."""
    traffic = Traffic(people)
    me, victim = people.gateways[:2]
    ids = [f"kept-{victim}", f"kept-too-{victim}"]
    for name in ids:
        owner = people.arrived(victim, v5=False, client_id=name, persistent=True)
        assert owner.subscribe(f"{ROOT}/{victim}/down/#")
        owner.close()
    traffic.check()  # by now the broker knows that they are gone
    assert traffic.server.publish(topic(victim, "down", "plan"), b"true")
    traffic.check()
    thief = people.client(me, v5=False, client_id=ids[0], persistent=True)
    if thief.connect():
        assert traffic.server.publish(topic(victim, "down", "plan"), b"true")
        assert thief.subscribe(f"{ROOT}/{me}/down/#")
        assert traffic.server.publish(topic(me, "down", "ack"), b"end")
        assert {t for t, _ in thief.received((topic(me, "down", "ack"), b"end"))} <= {topic(me, "down", "ack")}
    assert thief.inbox.empty()
    owner = people.arrived(victim, v5=False, client_id=ids[1], persistent=True)
    owner.received((topic(victim, "down", "plan"), b"true"))  # so brokers do keep messages
    traffic.check()


def test_the_server_writes_down_and_hears_up_only(people: House) -> None:
    traffic = Traffic(people)
    server = people.arrived("server")
    me = people.gateways[0]
    for aim in (topic(me, "up", "records"), f"{ROOT}/{me}", "elsewhere", f"{ROOT}/server/up/records"):
        assert not server.publish(aim, FORGED, retain=True) or not server.v5, aim
    for wanted in (f"{ROOT}/+/down/#", f"{ROOT}/#", "#", f"{ROOT}/{me}/down/ack"):
        assert not server.subscribe(wanted) or people.kind == "mosquitto with files", wanted
    traffic.flow()
    traffic.check()
    assert server.subscribe(f"{ROOT}/+/up/#")
    assert traffic.gateways[me].publish(topic(me, "up", "reply"), b"end")
    assert all("/up/" in t for t, _ in server.received((topic(me, "up", "reply"), b"end")))


@pytest.mark.parametrize("v5", [True, False], ids=["MQTT 5", "MQTT 3.1.1"])
def test_nobody_comes_in_without_the_password(people: House, v5: bool) -> None:
    one, other = people.gateways[:2]
    for name, password in (
        (None, None),
        ("", ""),
        (one, ""),
        (one, "guess"),
        (one, people.passwords[other]),
        ("server", ""),
        ("server", people.passwords[one]),
        ("admin", ""),
        (one.upper() + "x", people.passwords[one]),
        ("+", people.passwords[one]),
        ("#", people.passwords[one]),
        ("0" * 16, people.passwords[one]),
    ):
        assert people.client(name, password, v5=v5).connect() is False, (name, password)


def test_who_is_disconnected_is_gone_at_once(people: House) -> None:
    gone = people.gateways[-1]
    traffic = Traffic(people, besides=(gone,))
    leaving = people.arrived(gone)
    assert leaving.subscribe(f"{ROOT}/{gone}/down/#")
    assert revoke(people.engine, people.patients[gone], gone, author_id=people.author, now_ms=NOW)
    people.keeper.refresh()
    leaving.wait_until_closed()
    assert leaving.connect() is False
    assert people.client(gone, will=Will(topic(gone, "up", "status"), FORGED)).connect() is False
    assert traffic.server.publish(topic(gone, "down", "plan"), b"true")
    traffic.flow()
    traffic.check()
    assert leaving.inbox.empty()
