"""The radio's side of the clip on a bench: one function a story, named in the input; its answer goes to the output."""

import json
import os
import sys

from bench import GATEWAY, KEYS, OTHER, TICK, UPRIGHT, Bench, make_plan
from clip import keystore, x25519
from clip.wire import auth, category, control, pairing, records, status, stream, uuids
from portable import to_json


class Dropped(Exception):
    pass


def product(scalar, point):
    work = x25519.Multiplication(scalar, point)
    while not work.step(100):
        pass
    return work.result


PRIVATE = bytes(range(1, 33))
PUBLIC = product(PRIVATE, x25519.BASE)


def state(bench):
    """What a connection leaves behind: nothing of this may be there when it is gone."""
    link, sender, window = bench.app.link, bench.app.sender, bench.app.link._window
    left = [link._sessions, sender._events, sender._unconfirmed, sender._pieces]
    left += [sender._waiting, sender._status, link.active, sender.connection, sender._cursor]
    left += [bench.app.gatt._events] + [bench.ble.read(u) for u in (uuids.PLAN, uuids.STATUS, uuids.CALIBRATION)]
    if window is not None:
        left += [window._asked, window._found]
    return [what for what in left if what]


def whole_story(bench, version, mtu):
    """Everything that a gateway may do on a connection; version counts up."""
    paired = mtu == 23
    if paired:
        pair(bench, GATEWAY, mtu=mtu)
    results = [
        bench.connect(1, mtu, again=paired),
        bench.op(control.SET_PLAN, make_plan(version)),
        bench.op(control.SET_CALIBRATION, calibrated(version)),
        bench.op(control.SET_SETTINGS, status.pack_settings(version, 60, 2, 1)),
        bench.op(control.LEASE, category.UPRIGHT, 0, bench.now, 0),
        bench.op(control.PING, 5),
        bench.op(control.JOURNAL_READ, 1),
    ]
    bench.run(1)
    results.append(bench.op(control.JOURNAL_ACK, bench.app.journal.first))
    return results


def calibrated(version):
    return bytes((version & 0xFF, version >> 8)) + UPRIGHT[2:]


def dropped():
    """The link is lost after each round of the story in turn, at a small and at the largest MTU."""
    bench = Bench()
    left = []
    told = set()
    version = 1
    rounds = 0
    for mtu in (23, 247):
        bench.i2c.imu_alive = mtu == 247  # samples take most of the time here
        at = 0
        whole = False
        seen = quiet = 0
        while not whole:
            bench.sent.clear()
            bench.ble.writes = 0
            countdown = [at]

            def drop(now):
                if not countdown[0]:
                    raise Dropped
                countdown[0] -= 1

            version += 1
            bench.on_tick = drop
            try:
                results = whole_story(bench, version, mtu)
                assert results == [control.OK] * len(results), results
                whole = True
            except Dropped:
                pass
            bench.on_tick = None
            bench.ble.gap_disconnect(1)
            bench.forget(1)
            bench.run(0.04)
            told.update(bench.sent)
            left += [[mtu, at, str(state(bench))]] if state(bench) or not bench.ble.advertising else []
            quiet = quiet + 1 if seen == len(bench.sent) + bench.ble.writes else 0
            seen = len(bench.sent) + bench.ble.writes
            at += 1 if quiet < 5 else 7  # while the clip computes one moment is like the next
            rounds += 1
    return bench.answer(left=left, rounds=rounds, told=sorted(told), gateways=len(bench.app.link._keys))


def pair(bench, gateway, connection=1, mtu=247, public=PUBLIC):
    """Open the window, connect, ask to be paired; the key, or what the clip refused with. KEYS has it from then on."""
    bench.app.link.open_pairing(bench.now)
    bench.ble.connect(connection, mtu)
    bench.mtus[connection] = mtu
    return ask(bench, gateway, connection, public)


def ask(bench, gateway, connection, public=PUBLIC):
    bench.write(connection, pairing.pack_pair(gateway, public))
    for _ in range(250):
        bench.run(0.04)
        if bench.events and bench.events[-1][1] == connection and bench.events[-1][0] == bench.now:
            event, values = bench.events[-1][2]
            if event != control.EVENT_PAIRED:
                return values[2]
            theirs, confirmation = values
            serial = bench.app.serial
            key = pairing.derive(product(PRIVATE, theirs), gateway, serial, public, theirs)
            assert pairing.confirmation(key) == confirmation
            KEYS[gateway] = key
            return key
    return None


def stored():
    return [gateway.decode() for gateway, _ in keystore.load()]


def paired():
    """A gateway is paired, and what cannot be."""
    bench = Bench()
    bench.run(1)
    plain = bench.ble.adv_data
    bench.ble.connect(1)
    refused = [ask(bench, b"GATEWAY3", 1)]
    bench.ble.gap_disconnect(1)
    bench.run(0.04)
    before = stored()
    bench.app.link.open_pairing(bench.now)
    bench.run(0.04)
    advertised = [plain, bench.ble.adv_data]
    key = pair(bench, b"GATEWAY3")
    half = stored()  # the gateway has not proved it yet
    bench.ble.connect(2)
    refused.append(bench.connect(2, gateway=b"GATEWAY3", again=True)[2])  # on another connection
    result = bench.connect(1, gateway=b"GATEWAY3", again=True)
    bench.run(0.2)
    after = stored()
    closed = bench.app.link.pairing
    flags = bench.statuses[-1]["flags"]
    refused.append(ask(bench, b"GATEWAY4", 1))
    loaded = [name for name in ("x25519", "pairing") if "clip." + name in sys.modules and name != "x25519"]
    bench.app.link.open_pairing(bench.now)
    bench.run(1.1)
    flags_open = bench.statuses[-1]["flags"]
    bench.app.journal.close()
    bench.boot()
    again = bench.connect(5, gateway=b"GATEWAY3")
    return bench.answer(
        refused=refused,
        before=before,
        half=half,
        after=after,
        advertised=advertised,
        result=result,
        closed=closed,
        flags=[flags, flags_open],
        loaded=loaded,
        size=len(key),
        again=again,
        events=[r["value"] for r in bench.kept() if r["kind"] == records.PAIRED],
    )


def windows():
    """The window's end, bad keys, two at once, and the sixth gateway."""
    bench = Bench()
    results = []
    bench.app.link.open_pairing(bench.now)
    bench.run(59)
    opened = [bench.app.link.pairing, bench.ble.interval]
    bench.run(2)
    opened += [bench.app.link.pairing, bench.ble.interval]
    results.append(pair(bench, b"GATEWAY3", public=bytes(32)))
    results.append(pair(bench, b"GATEWAY3", public=b"\x01" + bytes(31)))
    bench.ble.connect(2)
    bench.write(2, pairing.pack_pair(OTHER, PUBLIC))
    bench.run(0.08)
    results.append(ask(bench, b"GATEWAY3", 1))
    bench.write(1, bytes((control.PAIR,)) + bytes(5))
    bench.run(0.08)
    results.append(bench.events[-1][2][1][2])
    bench.ble.gap_disconnect(2)
    bench.ble.gap_disconnect(1)
    bench.run(0.08)
    untouched = stored()
    orders = []
    for number in range(3, 7):
        gateway = b"GATEWAY%d" % number
        pair(bench, gateway, connection=number)
        results.append(bench.connect(number, gateway=gateway, again=True))
        orders.append(stored())
    results.append(bench.connect(9, gateway=b"GATEWAY4"))
    orders.append(stored())
    stamp = os.stat("keys.bin")[8]
    kept = open("keys.bin", "rb").read()
    os.remove("keys.bin")
    results.append(bench.connect(10, gateway=b"GATEWAY4"))
    rewritten = "keys.bin" in os.listdir(".")
    results.append(bench.connect(11, gateway=GATEWAY)[2])  # pushed out
    return bench.answer(
        results=results,
        opened=opened,
        untouched=untouched,
        orders=orders,
        rewritten=rewritten,
        size=len(kept),
        ok=stamp > 0,
    )


def crowd():
    """Strangers who stay, come again, write without end, or never confirm."""
    bench = Bench()
    bench.run(1)
    advertising = []
    for connection in (1, 2, 3, 4, 5):
        bench.ble.connect(connection)
        bench.run(0.2)
        advertising.append(bench.ble.advertising)
    dropped = list(bench.ble.disconnected)
    owner = bench.connect(6)
    bench.run(0.2)
    dropped_then = list(bench.ble.disconnected)
    operated = bench.op(control.RESUME, connection=6)
    bench.ble.gap_disconnect(6)
    bench.run(0.2)
    bench.ble.connect(7)
    bench.ble.confirms = False
    bench.write(7, control.pack_hello(GATEWAY, bytes(16)))
    bench.run(0.2)
    bench.ble.confirms = True
    began = bench.now
    second = bench.connect(8)
    took = bench.now - began
    bench.ble.gap_disconnect(8)
    bench.run(0.2)
    bench.ble.connect(9)
    for _ in range(20):
        for _ in range(4):
            bench.write(9, b"\x11" * 20)
        bench.run(0.04)
        if 9 in bench.ble.disconnected:
            break
    answers = len([1 for _, connection, _ in bench.events if connection == 9])
    return bench.answer(
        advertising=advertising,
        dropped=dropped,
        dropped_then=dropped_then,
        results=[owner, operated, second],
        took=took,
        flooded=9 in bench.ble.disconnected,
        answers=answers,
        left=str(state(bench)),
    )


def beacons():
    """How often the clip advertises, by second."""
    bench = Bench()
    bench.i2c.imu_alive = False
    seen = []

    def watch(seconds, what):
        for _ in range(seconds):
            bench.clock.now += 1000 - TICK  # a round a second is enough
            bench.run(TICK / 1000)
            if not seen or seen[-1][1:] != [what, bench.ble.interval if bench.ble.advertising else 0]:
                seen.append([bench.now // 1000 - since, what, bench.ble.interval if bench.ble.advertising else 0])

    since = 0
    watch(400, "boot")
    since = bench.now // 1000
    bench.app.link.hasten(bench.now)
    watch(40, "pressed")
    bench.ble.connect(1)
    bench.run(TICK / 1000)
    bench.ble.gap_disconnect(1)
    since = bench.now // 1000
    watch(3, "stranger")
    bench.connect(2)
    since = bench.now // 1000
    watch(3, "linked")
    bench.ble.gap_disconnect(2)
    bench.run(TICK / 1000)
    since = bench.now // 1000
    watch(40, "lost")
    since = bench.now // 1000
    bench.app.link.open_pairing(bench.now)
    watch(70, "pairing")
    return bench.answer(seen=seen)


def pressed():
    """Bursts without buffers while events, stream, status and journal all wait."""
    bench = Bench()
    bench.ready()
    bench.on_tick = bench.keep_alive
    bench.run(61)
    assert bench.op(control.JOURNAL_READ, 1) == control.OK
    bench.sent.clear()
    bench.sent_at.clear()
    bench.stream.clear()
    bench.journal.clear()
    burst = [0]
    asked = []

    def press(now):
        burst[0] = (burst[0] * 1103515245 + 12345) & 0x7FFFFFFF
        if burst[0] & 0x3F00 == 0:
            bench.ble.no_buffers = burst[0] >> 16 & 63
        if now % 400 < TICK:
            asked.append(bench.counters[1] + 1)
            bench.post(control.SNOOZE, control.pack(control.SNOOZE, 1))
        if now % 4000 < TICK:
            bench.post(control.JOURNAL_READ, control.pack(control.JOURNAL_READ, 1))
            asked.append(bench.counters[1])

    before = len(bench.events)
    bench.on_tick = press
    bench.run(60)
    bench.on_tick = None
    bench.ble.no_buffers = 0
    bench.run(30)
    answered = [values[1] for _, _, (event, values) in bench.events[before:] if event == control.EVENT_RESULT]
    headers = [stream.parse_header(data) for data in bench.stream]
    gaps = [b[2] - a[2] for a, b in zip(headers, headers[1:])]
    flagged = [b[0] & stream.FLAG_GAP != 0 for a, b in zip(headers, headers[1:])]
    numbers = [number for number, record in bench.journal if record]
    restarts = [at for at in range(1, len(numbers)) if numbers[at] <= numbers[at - 1]]
    return bench.answer(
        asked=asked,
        answered=answered,
        lost=sum([gap - 1 for gap in gaps]),
        dropped=bench.app.sender.dropped,
        told=bench.statuses[-1]["dropped"],
        ordered=min(gaps) >= 1,
        honest=[gap > 1 for gap in gaps] == flagged,
        steps=[b - a for a, b in zip(numbers, numbers[1:]) if b > a],
        restarts=len(restarts),
        newest=numbers[-1] == bench.app.journal.next - 1,
        kinds=sorted(set(bench.sent)),
        spacing=min([b - a for a, b in zip(bench.sent_at, bench.sent_at[1:])]),
    )


def main():
    with open(sys.argv[1]) as file:
        story = json.load(file)
    answer = globals()[story]()
    with open(sys.argv[2], "w") as file:
        json.dump(to_json(answer), file)


if __name__ == "__main__":
    main()
