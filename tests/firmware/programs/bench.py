"""A clip on a bench: the real application between fake chips and a fake radio, with a gateway that does what it is told."""

import bluetooth
import chips
from clip import app, keystore
from clip.imu_lsm6dsox import Lsm6dsox
from clip.wire import auth, calibration, control, fragment, plan, records, status, stream, uuids
from clip.wire.base import MalformedError
from portable import to_json

GATEWAY = b"GATEWAY1"
OTHER = b"GATEWAY2"
KEYS = {GATEWAY: bytes(range(32)), OTHER: bytes(range(32, 64))}
SERIAL = bytes([0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0xAA])
UPRIGHT = calibration.pack_calibration(1, 0, (0, 16384, 0), (0, 0, 16384))
TICK = 40


def lean(*steps):
    """Degrees by time: (from second, degrees), with a second to get from one to the next."""

    def at(t):
        angle = 0.0
        for start, degrees in steps:
            if t >= start:
                share = min(1.0, t - start)
                angle += (degrees - angle) * share
        return angle

    return at


def make_plan(version=1, **fields):
    made = plan.Plan()
    made.version = version
    made.mode = plan.TRAIN
    made.dwell_s = 10
    made.repeat_s = 60
    for name, value in fields.items():
        setattr(made, name, value)
    return made.pack()


class Bench:
    def __init__(self, angle=lambda t: 0.0, shake=None, ticks=(1 << 30) - 20000, breathing=0.4):
        with open("keys.bin", "wb") as file:
            file.write(keystore.pack(list(KEYS.items())))
        self.clock = chips.Clock(ticks)
        self.i2c = chips.I2C(self.clock, chips.Wearer(angle, breathing, shake))
        self.ble = bluetooth.BLE()
        self.cell_mv = 4000
        self.pressed = False
        self.flashes = []
        self.boot()
        self.mtus = {}
        self.joiners = {}
        self.sessions = {}
        self.counters = {}
        self.events = []  # (ms, connection, parsed event)
        self.stream = []
        self.journal = []
        self.statuses = []
        self.levels = []
        self.sent = []  # what each notification was of
        self.sent_at = []
        self.on_tick = None

    def rtc_s(self):
        return 1000 + self.clock.now // 1000

    def read_uv(self):
        """The ADC's: half of the cell's voltage."""
        return self.cell_mv * 500

    def button(self):
        return 0 if self.pressed else 1

    def light(self, level):
        if level:
            self.flashes.append(self.now)

    def press(self, held_s=0.12):
        self.pressed = True
        self.run(held_s)
        self.pressed = False
        self.run(0.12)

    def boot(self, powered=False, restarted=0):
        """Start the application, again if need be: the files stay, the clip's clock begins at 0."""
        self.offset = self.clock.now
        parts = (self.i2c, Lsm6dsox(self.i2c), self, self.button, self.light)
        self.app = app.App(parts, self.ble, bluetooth.UUID, SERIAL, self.clock.ticks_ms, self.rtc_s, powered, restarted)

    @property
    def now(self):
        return self.clock.now - self.offset

    def run(self, seconds):
        end = self.clock.now + round(seconds * 1000)
        while self.clock.now < end:
            self.clock.now += TICK
            if self.on_tick:
                self.on_tick(self.now)
            self.app.tick(self.now)
            self.app.sender.step(self.now)
            self._collect()

    def _collect(self):
        names = {self.ble.uuids[u]: n for n, u in (("event", uuids.EVENT), ("stream", uuids.STREAM))}
        names[self.ble.uuids[uuids.JOURNAL]] = "journal"
        names[self.ble.uuids[uuids.STATUS]] = "status"
        names[self.ble.uuids[uuids.BATTERY_LEVEL]] = "battery"
        for connection, handle, data in self.ble.sent:
            self.sent_at.append(self.now)
            assert len(data) <= self.mtus.get(connection, 247) - 3
            what = names[handle]
            self.sent.append(what)
            if what == "battery":
                self.levels.append(data[0])
                continue
            if what != "stream":
                data = self._joined(connection, what, data)
            if data is not None:
                self._take(connection, what, data)
        self.ble.sent = []

    def _joined(self, connection, what, data):
        """The message that `data` is, or that it completes; None when there is more to come."""
        if data[0] != control.EVENT_FRAGMENT or (what == "journal" and self._sealed(data)):
            return data
        return self.joiners.setdefault((connection, what), fragment.Joiner()).add(data)

    def _sealed(self, data):
        try:
            return auth.without_tag(self.app.sender.key, data)
        except MalformedError:
            return None

    def _take(self, connection, what, data):
        if what == "event":
            self._event(connection, control.parse_event(data))
        elif what == "stream":
            self.stream.append(data)
        elif what == "journal":
            frame = auth.without_tag(self.app.sender.key, data)
            self.journal.append(records.parse_journal_frame(frame))
            if connection in self.sessions:
                assert self.app.sender.key == self.sessions[connection]
        else:
            self.statuses.append(status.parse_status(data))

    def _event(self, connection, event):
        self.events.append((self.now, connection, event))

    # --- the gateway ---

    def connect(self, connection=1, mtu=247, gateway=GATEWAY, again=False):
        """Connect, unless that was done already, and authenticate; the result of AUTH."""
        if not again:
            self.ble.connect(connection, mtu)
        self.mtus[connection] = mtu
        nonce = bytes([connection] * 16)
        self.write(connection, control.pack_hello(gateway, nonce))
        self.run(0.2)
        if self.events[-1][2][0] != control.EVENT_CHALLENGE:
            return self.events[-1][2][1]
        theirs, proof = self.events[-1][2][1]
        key = KEYS[gateway]
        assert proof == auth.proof(key, b"clip", gateway, nonce, theirs)
        self.write(connection, control.pack_auth(auth.proof(key, b"gate", gateway, nonce, theirs)))
        self.run(0.2)
        self.sessions[connection] = auth.session_key(key, gateway, nonce, theirs)
        self.counters[connection] = 0
        return self.result(control.AUTH)

    def forget(self, connection):
        """A connection is gone: whoever connects in its place begins anew."""
        self.sessions.pop(connection, None)
        self.joiners.clear()

    def write(self, connection, data):
        room = self.mtus.get(connection, 247) - 3
        if len(data) <= room:
            self.ble.write(connection, uuids.CONTROL, data)
        else:
            for piece in fragment.split(control.FRAGMENT, len(self.sent), data, room):
                self.ble.write(connection, uuids.CONTROL, piece)

    def post(self, op, payload=b"", connection=1):
        """A sealed write that nobody waits for."""
        self.counters[connection] += 1
        sealed = auth.seal(self.sessions[connection], op, payload, self.counters[connection])
        self.write(connection, sealed)
        return sealed

    def op(self, op, *values, connection=1):
        """A sealed write and its result."""
        payload = values[0] if values and isinstance(values[0], bytes) else control.pack(op, *values)
        self.post(op, payload, connection)
        self.run(0.25)
        return self.result(op)

    def result(self, op):
        for _, _, (event, values) in reversed(self.events):
            if event == control.EVENT_RESULT and values[0] == op:
                return values[2]
        return None

    def ready(self, **fields):
        """Connected, with a plan and a calibration."""
        self.connect()
        assert self.op(control.SET_PLAN, make_plan(**fields)) == control.OK
        assert self.op(control.SET_CALIBRATION, UPRIGHT) == control.OK
        self.i2c.go.clear()

    def keep_alive(self, now):
        if now % 2000 < TICK and self.app.link.active is not None:
            self.post(control.PING, control.pack(control.PING, now // 2000 & 0xFFFF))

    # --- what it did ---

    def kept(self):
        """Every record in the journal, parsed, without the boot id."""
        journal = self.app.journal
        out = []
        for number in range(journal.first, journal.next):
            record = records.parse(journal.read(number))
            record["boot"] = record["boot"] == self.app.boot
            out.append(record)
        return out

    def reminders(self):
        return [
            [r["start_ms"], r["rev"], r["judge"], r["since_ms"], r["reason"], r["response"]]
            for r in self.kept()
            if r["kind"] == records.REMINDER
        ]

    def kinds(self):
        return [records.KIND_NAMES[r["kind"]] for r in self.kept()]

    def stream_flags(self):
        return [stream.parse_header(data)[0] for data in self.stream]

    def answer(self, **values):
        values["go"] = self.i2c.go
        return to_json(values)
