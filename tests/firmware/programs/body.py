"""What happens to a clip's body: button, pause, battery, light, chips that fail. One function a story."""

import json
import sys

from bench import Bench, lean
from clip.wire import control, records, status, stream, uuids


def reminded(bench):
    """(ms, rev, reason) of each reminder."""
    return [[told[0], told[1], told[4]] for told in bench.reminders()]


def gestures():
    """Each gesture, alone and with a gateway."""
    bench = Bench()
    felt = []

    def feel(what):
        bench.i2c.go.clear()
        what()
        bench.run(1.5)
        felt.append([slots.hex() for _, slots in bench.i2c.go])

    bench.run(3)
    feel(bench.press)
    feel(lambda: bench.press(2.5))
    bench.ready()
    bench.on_tick = bench.keep_alive
    feel(bench.press)
    twice(feel, bench)
    paused = [bench.statuses[-1]["flags"] & status.STATUS_PAUSED]
    twice(feel, bench)
    paused.append(bench.statuses[-1]["flags"] & status.STATUS_PAUSED)
    feel(lambda: bench.press(6.5))
    return bench.answer(felt=felt, paused=paused, pairing=bench.app.link.pairing, kinds=bench.kinds())


def twice(feel, bench):
    def press():
        bench.press()
        bench.press()

    feel(press)


def calibrate():
    """Held for two seconds while a gateway judges, and while it is paused."""
    bench = Bench()
    bench.ready()
    bench.on_tick = bench.keep_alive
    bench.run(2)
    bench.op(control.LEASE, 10, 0, bench.now, 0)
    bench.i2c.go.clear()
    bench.press(2.5)
    bench.run(1)
    judged = [slots.hex() for _, slots in bench.i2c.go]
    bench.op(control.LEASE, 10, 0, bench.now, 0)
    bench.op(control.PAUSE, 5)
    bench.i2c.go.clear()
    bench.press(2.5)
    bench.run(1)
    asked = [r["value"] for r in bench.kept() if r["kind"] == records.CALIBRATE_ASKED]
    return bench.answer(judged=judged, paused=[slots.hex() for _, slots in bench.i2c.go], asked=asked)


def live(bench, seconds):
    """Go on without a sensor and with few rounds: for what takes long."""
    bench.i2c.imu_alive = False
    end = bench.clock.now + seconds * 1000
    while bench.clock.now < end:
        bench.clock.now += 500 - bench.now % 500
        if bench.on_tick:
            bench.on_tick(bench.now)
        bench.app.tick(bench.now)
        for _ in range(3):
            bench.app.sender.step(bench.now)
        bench._collect()


def pause_over_restarts():
    """A pause of 5 minutes: 100 s of it, then a restart of each kind, then its end."""
    answers = []
    for powered in (True, False):
        bench = Bench()
        bench.app.pausing.pause(5, bench.now)
        live(bench, 100)
        bench.app.journal.close()
        bench.clock.now += 30000  # until it starts again
        bench.boot(powered)
        at_once = bench.app.arbiter.paused
        while bench.app.pausing.paused_until:
            live(bench, 1)
        told = [kind for kind in bench.kinds() if kind != "imu_lost"]
        answers.append([at_once, bench.now, bench.app.arbiter.paused, told[-1]])
        live(bench, 2)
        bench.app.journal.close()
        bench.boot(powered)
        answers[-1].append(bench.app.arbiter.paused)
        bench.app.journal.close()
    return bench.answer(answers=answers)


def low_battery():
    """The cell runs low; the clip is restarted; it is charged and runs low again."""
    bench = Bench()
    bench.ready()
    bench.on_tick = bench.keep_alive
    bench.run(1)
    bench.i2c.go.clear()
    for level in (3700, 3650, 3600):
        bench.cell_mv = level
        live(bench, 121)
    flags = [bench.app.battery.low]
    felt = [slots.hex() for _, slots in bench.i2c.go]
    shown = [bench.statuses[-1]["flags"] & status.STATUS_BATTERY_LOW, bench.ble.read(uuids.BATTERY_LEVEL)[0]]
    levels = list(bench.levels)
    bench.app.journal.close()
    bench.boot()
    live(bench, 100)
    flags.append(bench.app.battery.low)
    warned = bench.kinds().count("low_battery")
    for level in (3900, 3600):
        bench.cell_mv = level
        live(bench, 400)
        flags.append(bench.app.battery.low)
    return bench.answer(
        flags=flags, shown=shown, levels=levels, felt=felt, warned=[warned, bench.kinds().count("low_battery")]
    )


class Brownout(Exception):
    """There is not enough left for the motor."""


def last_of_the_cell():
    """The warning's first pulse takes what was left; the clip starts anew."""
    bench = Bench()
    bench.cell_mv = 3500
    write = bench.i2c.writeto_mem

    def dies(address, register, data):
        write(address, register, data)
        if register == 0x0C and data[0] & 1:
            raise Brownout

    bench.i2c.writeto_mem = dies
    died = False
    try:
        bench.run(2)
    except Brownout:
        died = True
    bench.i2c.writeto_mem = write
    bench.app.journal.close()
    bench.boot()
    bench.run(40)
    return bench.answer(died=died, warned=bench.kinds().count("low_battery"), low=bench.app.battery.low)


def glitches():
    """One transfer fails, at each of those of the rounds around a pattern."""
    bench = Bench()
    bench.ready()
    bench.on_tick = bench.keep_alive
    bench.run(2)
    bench.i2c.go.clear()
    felt = []
    for after in range(50):
        bench.i2c.glitch_after = after
        bench.i2c.glitches = 1
        before = len(bench.i2c.go)
        assert bench.app.wearer.play(0, bench.now)
        bench.run(1.2)
        felt.append(len(bench.i2c.go) - before)
    gaps = len([flags for flags in bench.stream_flags() if flags & stream.FLAG_GAP])
    return bench.answer(felt=felt, left=bench.i2c.glitches, gaps=gaps, kinds=bench.kinds(), ok=bench.app.motor.ok)


def stuck_motor():
    """The haptic chip never says that it is done."""
    bench = Bench(lean((10, 20)))
    bench.ready(dwell_s=10, repeat_s=30)
    bench.on_tick = bench.keep_alive
    bench.i2c.haptic_stuck = True
    held = []
    inner = bench.on_tick

    def watch(now):
        inner(now)
        held.append(bench.app.sensing.builder.held)

    bench.on_tick = watch
    bench.run(60)
    longest = run = 0
    for one in held:
        run = run + 1 if one else 0
        longest = max(longest, run)
    return bench.answer(longest_ms=longest * 40, asleep=bench.i2c.haptic[1], reminders=reminded(bench))


def silent_sensor():
    """The sensor loses its supply for a moment: it answers, and has nothing to say."""
    bench = Bench()
    bench.ready()
    bench.on_tick = bench.keep_alive
    bench.run(5)
    bench.i2c._on = None
    at = bench.now
    while bench.app.sensing.ok:
        bench.run(0.04)
    lost = bench.now - at
    while not bench.app.sensing.ok:
        bench.run(0.04)
    back = bench.now - at - lost
    bench.run(0.2)
    return bench.answer(lost_ms=lost, back_ms=back, kinds=bench.kinds()[-2:])


def restarted():
    """What the journal says of a boot that was not wanted."""
    bench = Bench()
    bench.run(1)
    bench.app.journal.close()
    bench.boot(True, records.BY_ERROR)
    bench.run(61)
    events = [[r["kind"], r["value"]] for r in bench.kept() if r["kind"] in (records.BOOT, records.RESTARTED)]
    return bench.answer(events=events[-2:])


def main():
    with open(sys.argv[1]) as file:
        story = json.load(file)
    answer = globals()[story]()
    with open(sys.argv[2], "w") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main()
