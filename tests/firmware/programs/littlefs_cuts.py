"""The journal, the boot file and a guarded file on littlefs, whose flash loses its power at every byte in turn."""

import json
import struct
import sys

import vfs
from clip import guarded, identity, journal, recorder
from clip.wire import clip_records as records
from nor import Nor

BOOT = bytes(8)
SEGMENTS, SLOTS = 3, 4
OLD, NEW = b"old" * 30, b"new" * 30


def pack(n):
    return records.pack_event(records.BOOT, BOOT, n, 0, 0, n) + bytes([n] * (n % 70))


def told(data):
    return struct.unpack("<I", data[20:24])[0] if data[1] == records.OVERWRITTEN else 0


def mount(flash):
    vfs.mount(vfs.VfsLfs2(flash), "/flash")


def open_journal():
    return journal.Journal("/flash/journal", SEGMENTS, SLOTS)


class Watched:
    """A journal that remembers what was finished, and what was not."""

    def __init__(self):
        self.inner = open_journal()
        self.kept = {}
        self.torn = None

    @property
    def overwritten(self):
        return self.inner.overwritten

    def append(self, data, told=0):
        self.torn = data
        number = self.inner.append(data, told)
        self.kept[number] = data
        self.torn = None


def story(watched, flash, done):
    """Across a segment's end, with the oldest overwritten, an acknowledgement, a new boot and a replaced file."""
    writer = recorder.Recorder(BOOT, watched, lambda: (0, 0))
    for n in range(4):
        if n == 3:
            watched.inner.acknowledge(watched.inner.next - 2)
        writer.write(pack(100 + n))
        if flash.dead:
            return
    counter = identity.begin("/flash/boot.bin")[1]
    if flash.dead:
        return
    done.append(counter)
    guarded.save("/flash/file.bin", 9, 1, NEW)
    done.append("saved")


def look(before, counter, watched, done):
    """After the cut: what must hold, as asserts; whether the record being written was found."""
    again = open_journal()
    kept = {}
    kept.update(before)
    kept.update(watched.kept)
    assert again.next > max(kept)
    assert again.next <= max(kept) + 2
    for number in range(again.oldest, again.next):
        found = again.read(number)
        assert found == kept[number] if number in kept else found in (None, watched.torn), number
    accounts = [told(data) for data in kept.values()] + [told(watched.torn or bytes(24)), again.overwritten]
    lost = [number for number in before if number < again.oldest]
    assert sum(accounts) >= len(lost), "overwritten without a word"
    number = again.append(b"next")
    assert number > max(kept)
    again.close()
    again = open_journal()
    assert again.read(number) == b"next"
    again.close()
    found = guarded.load("/flash/file.bin", 9, 1)
    assert found == NEW if "saved" in done else found in (OLD, NEW)
    assert identity.begin("/flash/boot.bin")[1] >= (done[0] if done else counter) + 1


def main():
    with open(sys.argv[1]) as file:
        stride = json.load(file)
    flash = Nor(32, 512)
    vfs.VfsLfs2.mkfs(flash)
    mount(flash)
    first = Watched()
    for n in range(SEGMENTS * SLOTS - 1):
        first.append(pack(n))
    first.inner.close()
    guarded.save("/flash/file.bin", 9, 1, OLD)
    counter = identity.begin("/flash/boot.bin")[1]
    vfs.umount("/flash")
    image = bytes(flash.data)
    cut = 0
    finished = False
    while not finished:
        flash.data[:] = image
        flash.spent, flash.cut, flash.dead = 0, cut, False
        mount(flash)
        watched = Watched()
        done = []
        try:
            story(watched, flash, done)
            finished = not flash.dead
        except OSError:
            assert flash.dead
        watched.inner.close()
        flash.cut, flash.dead = None, False
        vfs.umount("/flash")
        mount(flash)
        look(first.kept, counter, watched, done)
        vfs.umount("/flash")
        cut += stride
    with open(sys.argv[2], "w") as file:
        json.dump(
            {"cuts": cut // stride, "told": [told(watched.kept[number]) for number in sorted(watched.kept)]}, file
        )


main()
