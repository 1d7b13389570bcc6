"""What happens to a clip: one function a story, named in the input; its answer goes to the output."""

import asyncio
import json
import sys

from bench import GATEWAY, KEYS, OTHER, TICK, UPRIGHT, Bench, lean, make_plan
from clip.wire import auth, category, control, plan, records, status, stream, uuids


def alone():
    """A slouch without any gateway, after plan and calibration were set."""
    bench = Bench(lean((40, 20), (62, 0)))
    bench.ready()
    bench.ble.gap_disconnect(1)
    bench.run(125)
    return bench.answer(
        reminders=bench.reminders(),
        kinds=bench.kinds(),
        records=[r for r in bench.kept() if r["kind"] in (records.EPOCH, records.EPISODE)],
        serial=bench.ble.read(uuids.SERIAL),
    )


def lease():
    """The gateway judges; then its leases stop in the middle of a slouch, and come back."""
    bench = Bench(lean((20, 8), (100, 0)))  # never over 10 deg by the clip's own angle
    bench.ready(repeat_s=30)
    said = []

    def renew(now):
        bench.keep_alive(now)
        if now % 2000 < TICK and (now < 25000 or now > 50000) and bench.app.link.active:
            state, since = (category.SLOUCHED, 21000) if 21000 <= now < 102000 else (category.UPRIGHT, 0)
            bench.post(control.LEASE, control.pack(control.LEASE, state, since, now, 133))
        said.append([bench.app.arbiter.judge, bench.app.policy.state])

    bench.on_tick = renew
    bench.run(110)
    return bench.answer(reminders=bench.reminders(), judges=said[:: 1000 // TICK])


def strangers():
    """What a central may do that knows no key."""
    bench = Bench()
    bench.ble.connect(1)
    bench.run(0.1)
    hidden = [bench.ble.read(u) for u in (uuids.PLAN, uuids.STATUS, uuids.SETTINGS, uuids.CALIBRATION)]
    results = []
    nonce = bytes(16)
    for data in (
        control.pack_hello(b"STRANGER", nonce),
        control.pack_auth(bytes(16)),
        control.pack_hello(GATEWAY, nonce),
        control.pack_auth(bytes(16)),
        control.pack_auth(bytes(16)),
        auth.seal(bytes(32), control.RESUME, b"", 1),
        bytes([control.HELLO, 1]),
        b"\xff" * 60,
        b"",
    ):
        bench.write(1, data)
        bench.run(0.2)
        results.append(bench.events[-1][2][0] if bench.events[-1][2][0] == 1 else bench.events[-1][2][1])
    hidden += [bench.ble.read(u) for u in (uuids.PLAN, uuids.STATUS, uuids.SETTINGS, uuids.CALIBRATION)]
    bench.run(12)
    return bench.answer(
        hidden=hidden,
        results=results,
        sent=len(bench.stream) + len(bench.journal) + len(bench.statuses),
        disconnected=bench.ble.disconnected,
        advertising=bench.ble.advertising,
        open=[bench.ble.read(u) for u in (uuids.MANUFACTURER, uuids.MODEL, uuids.SERIAL, uuids.FIRMWARE_REVISION)],
    )


def sealed():
    """Replays, torn seals, old versions and values out of range."""
    bench = Bench()
    before = bench.connect()
    results = [before, bench.op(control.SET_PLAN, make_plan(version=3))]
    repeated = bench.post(control.SNOOZE, control.pack(control.SNOOZE, 5))
    bench.run(0.25)
    results.append(bench.result(control.SNOOZE))
    for data in (repeated, repeated[:-1] + b"\x00", auth.seal(bytes(32), control.RESUME, b"", 99)):
        bench.write(1, data)
        bench.run(0.25)
        results.append(bench.events[-1][2][1])
    results += [
        bench.op(control.SET_PLAN, make_plan(version=3)),
        bench.op(control.SET_PLAN, make_plan(version=2)),
        bench.op(control.SET_PLAN, make_plan(version=3, dwell_s=11)),
        bench.op(control.SET_PLAN, b"nonsense"),
        bench.op(control.SET_CALIBRATION, UPRIGHT),
        bench.op(control.SET_SETTINGS, status.pack_settings(1, 60, 2, 1)),
        bench.op(control.SET_SETTINGS, status.pack_settings(2, 101, 2, 1)),
        bench.op(control.BUZZ, 0),
        bench.op(control.BUZZ, 200),
        bench.op(control.JOURNAL_ACK, bench.app.journal.next),
        bench.op(control.PAUSE, 0),
        bench.op(control.SNOOZE, 0),
        bench.op(control.LEASE, b"\x63" * 11),
        bench.op(0x7F, b""),
    ]
    return bench.answer(
        results=results,
        plan=bench.ble.read(uuids.PLAN),
        settings=bench.ble.read(uuids.SETTINGS),
        calibration=bench.ble.read(uuids.CALIBRATION),
        status=status.parse_status(bench.ble.read(uuids.STATUS))["plan_version"],
        kinds=bench.kinds(),
    )


def wearers_choice():
    """The same reminder as the plan has it, before and after the wearer chose another strength and rhythm; and none in
    quiet hours."""
    bench = Bench(lean((20, 20), (35, 0), (45, 20), (60, 0), (70, 20)))
    bench.ready(quiet_start_min=60, quiet_end_min=120)
    bench.on_tick = bench.keep_alive
    bench.run(32)
    before = bench.ble.read(uuids.PLAN)
    results = [bench.op(control.SET_SETTINGS, status.pack_settings(1, 40, 3, 1))]
    bench.run(30)
    results.append(bench.op(control.TIME, bench.now, 1764547200000, 60))  # Monday, 01:00 where the patient is
    bench.run(30)
    return bench.answer(
        results=results, reminders=bench.reminders(), plan=[before.hex(), bench.ble.read(uuids.PLAN).hex()]
    )


def pauses():
    bench = Bench(lean((5, 20)))
    bench.ready()
    bench.on_tick = bench.keep_alive
    results = [bench.op(control.PAUSE, 1)]
    bench.run(30)
    flags = [bench.statuses[-1]["flags"]]
    bench.run(45)
    results.append(bench.op(control.SNOOZE, 1))
    bench.run(20)
    flags.append(bench.statuses[-1]["flags"])
    results.append(bench.op(control.RESUME))
    results.append(bench.op(control.SNOOZE, 1))
    bench.run(70)
    flags.append(bench.statuses[-1]["flags"])
    epochs = [r for r in bench.kept() if r["kind"] == records.EPOCH]
    return bench.answer(
        results=results, flags=flags, kinds=bench.kinds(), reminders=bench.reminders(), codes=epochs[0]["codes"]
    )


def broken():
    """The sensor goes and comes; the haptic chip is gone when a reminder is due."""
    bench = Bench(lean((30, 20)))
    bench.ready()
    bench.on_tick = bench.keep_alive
    bench.run(5)
    bench.i2c.imu_alive = False
    bench.run(6)
    lost = bench.statuses[-1]["flags"]
    bench.i2c.imu_alive = True
    bench.run(14)
    back = bench.statuses[-1]["flags"]
    gaps = [i for i, flags in enumerate(bench.stream_flags()) if flags & stream.FLAG_GAP]
    bench.i2c.haptic_alive = False
    bench.run(20)
    silent = bench.statuses[-1]["flags"]
    bench.i2c.haptic_alive = True
    bench.run(60)
    return bench.answer(
        flags=[lost, back, silent, bench.statuses[-1]["flags"]],
        kinds=bench.kinds(),
        reminders=bench.reminders(),
        gaps=len(gaps),
    )


def back_pressure():
    """The stack has no buffers for a while: nothing is lost and the order stays; then for too long."""
    bench = Bench()
    bench.ready()
    bench.on_tick = bench.keep_alive
    bench.run(2)
    bench.ble.no_buffers = 30
    bench.run(10)
    seqs = [stream.parse_header(data)[2] for data in bench.stream]
    dropped = bench.app.sender.dropped
    bench.ble.no_buffers = 300
    bench.run(40)
    late = [stream.parse_header(data) for data in bench.stream]
    spacing = min([b - a for a, b in zip(bench.sent_at, bench.sent_at[1:])])
    jumps = [1 for a, b in zip(late, late[1:]) if b[2] - a[2] > 1]
    flagged = [1 for a, b in zip(late, late[1:]) if b[2] - a[2] > 1 and b[0] & stream.FLAG_GAP]
    return bench.answer(
        whole=seqs == list(range(seqs[0], seqs[0] + len(seqs))),
        dropped=[dropped, bench.app.sender.dropped],
        spacing=spacing,
        jumps=len(jumps),
        flagged=len(flagged),
    )


def draining():
    """Records are read, acknowledged and survive a restart."""
    bench = Bench(lean((20, 20), (40, 0)))
    bench.ready()
    bench.on_tick = bench.keep_alive
    bench.run(130)
    assert bench.op(control.JOURNAL_READ, 1) == control.OK
    bench.run(5)
    first = list(bench.journal)
    newest = max([number for number, record in first if record])
    before = first[0][0] - 1  # ids begin anywhere
    results = [bench.op(control.JOURNAL_ACK, newest - 2)]
    bench.run(60)  # the next record keeps the acknowledgement
    bench.journal.clear()
    old = bench.app.boot
    bench.app.journal.close()
    bench.boot()
    bench.connect()
    bench.op(control.JOURNAL_READ, 1)
    bench.run(3)
    again = list(bench.journal)
    bench.run(70)
    boots = [record[4:12] == old for number, record in again if record]
    return bench.answer(
        results=results,
        first=[[number - before, len(record)] for number, record in first],
        again=[[number - before, len(record)] for number, record in again],
        later=[[number - before, len(record)] for number, record in bench.journal[len(again) :]],
        boots=boots,
        plan=bench.app.plan.version,
    )


def restarts():
    """A restart in the middle of a slouch: by the watchdog, and after a loss of power."""
    answers = []
    for powered in (True, False):
        bench = Bench(lean((20, 20)))
        bench.ready(version=1 if powered else 2, dwell_s=60)
        bench.ble.gap_disconnect(1)
        bench.run(50)
        bench.app.journal.close()
        before = bench.now
        bench.boot(powered)
        bench.run(75)
        answers.append([before, bench.i2c.go, [r for r in bench.reminders() if r[1] == 1][-1:]])
    return bench.answer(answers=answers)


def old_age():
    """Almost fifty days without a reset."""
    bench = Bench()
    for _ in range(4):
        bench.clock.now += (1 << 30) - 1
        bench.app.clock.now()
    asyncio.run(bench.app.run(bench))
    return bench.answer(age=bench.app.clock.now())


def two_gateways():
    """The newest that authenticates wins."""
    bench = Bench()
    bench.ble.connect(1)
    bench.ble.connect(2)
    bench.run(0.2)
    advertising = [bench.ble.advertising]
    results = [bench.connect(1)]
    bench.run(1)
    readable = [len(bench.ble.read(u)) for u in (uuids.PLAN, uuids.STATUS)]
    bench.ble.connect(3)  # a latecomer that does not authenticate
    bench.run(2)
    readable += [len(bench.ble.read(u)) for u in (uuids.PLAN, uuids.STATUS)]
    bench.ble.gap_disconnect(3)
    bench.run(2)
    readable += [len(bench.ble.read(u)) for u in (uuids.PLAN, uuids.STATUS)]
    bench.ble.disconnected.remove(3)
    bench.ble.connect(2)  # it was dropped when the first authenticated
    advertising.append(bench.ble.advertising)
    bench.run(1)
    results.append(bench.connect(2, gateway=OTHER))
    bench.stream.clear()
    bench.run(3)
    results.append(bench.op(control.RESUME, connection=2))
    silent = [list(bench.ble.disconnected)]
    bench.run(61)
    silent.append(list(bench.ble.disconnected))
    return bench.answer(
        results=results,
        readable=readable,
        advertising=advertising,
        disconnected=silent,
        streamed=len(bench.stream) > 5,
        after=bench.ble.advertising,
    )


def small_mtu():
    """A whole session in pieces of 20 bytes."""
    bench = Bench(lean((20, 20)))
    results = [
        bench.connect(mtu=23),
        bench.op(control.SET_PLAN, make_plan()),
        bench.op(control.SET_CALIBRATION, UPRIGHT),
        bench.op(control.LEASE, category.UPRIGHT, 0, bench.now, 0),
        bench.op(control.JOURNAL_READ, 1),
    ]
    judge = bench.app.arbiter.judge
    begin = bench.now // 1000
    bench.stream.clear()
    bench.on_tick = bench.keep_alive
    bench.run(130)
    last = max([number for number, record in bench.journal if record])
    results.append(bench.op(control.JOURNAL_ACK, last))
    codes = [stream.parse_summary(data)[0:2] for data in bench.stream]
    return bench.answer(
        results=results,
        judge=judge,
        begin=begin,
        summaries=codes,
        journal=[number - bench.app.journal.oldest for number, record in bench.journal if record],
        sizes=[len(record) for number, record in bench.journal],
        first=bench.app.journal.first - bench.app.journal.oldest,
        statuses=len(bench.statuses),
        spacing=min([b - a for a, b in zip(bench.sent_at, bench.sent_at[1:])]),
    )


def pings():
    bench = Bench()
    bench.ready()
    bench.post(control.PING, control.pack(control.PING, 7))
    at = bench.now
    bench.run(1)
    pong = [values for _, _, (event, values) in bench.events if event == control.EVENT_PONG]
    results = [bench.op(control.TIME, 1000, 1764547200000, 60)]
    return bench.answer(pong=pong, at=at, results=results, minute=bench.app.clock.local_minute(61000))


def main():
    with open(sys.argv[1]) as file:
        story = json.load(file)
    answer = globals()[story]()
    with open(sys.argv[2], "w") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main()
