"""From the FIFO's bytes to the finished packet and into the queue: what the heap has grown by, and the packets.

The bus is the one part left out: its stand-in copies words from a recording made beforehand. While the samples pass the heap is
locked, so that whatever wants a byte of it fails, and no collection hides anything.
"""

import gc
import json
import sys
from binascii import hexlify, unhexlify

from clip.fusion import Fusion
from clip.imu_lsm6dsox import BURST_WORDS, Lsm6dsox
from clip.sender import Sender
from clip.sensing import Sensing

try:
    from micropython import heap_lock, heap_unlock
except ImportError:

    def heap_lock():
        pass

    heap_unlock = heap_lock

WORD = 7
mem_alloc = getattr(gc, "mem_alloc", lambda: 0)


class Recorded(Lsm6dsox):
    """A sensor whose FIFO holds `waiting` more words of `words`."""

    def __init__(self, words):
        super().__init__(None)
        self.words = words
        self.at = 0
        self.waiting = 0

    def start(self):
        pass

    def level(self):
        return self.waiting

    def read(self, words):
        count = min(words, BURST_WORDS)
        buf = self.buffer
        end = count * WORD
        for i in range(end):
            buf[i] = self.words[self.at + i]
        self.at += end
        self.waiting -= count
        return count


class Sink:
    def __init__(self, size):
        self.sender = Sender(None, None)
        self.sender.connection = 1
        self.out = bytearray(size)
        self.length = 0
        self.packets = 0
        self.samples = 0

    def packet(self, buf, length):
        self.sender.packet(buf, length)
        at = self.length
        self.out[at] = length
        at += 1
        for i in range(length):
            self.out[at + i] = buf[i]
        self.length = at + length
        self.packets += 1

    def orientation(self, builder):
        self.samples += 1

    def imu_lost(self, now):
        raise OSError


def pass_by(sensing, imu, polls, low, high):
    """Polls of (words waiting, motor 1 running 2 held, ms since the poll before), three bytes each."""
    builder = sensing.builder
    for at in range(0, len(polls), 3):
        low += polls[at + 2] << 2
        if low > 0xFFFF:
            low -= 0x10000
            high += 1
        imu.waiting += polls[at]
        builder.running = polls[at + 1] & 1 != 0
        builder.held = polls[at + 1] & 2 != 0
        sensing.read(low, high)


def main():
    with open(sys.argv[1]) as file:
        data = json.load(file)
    imu = Recorded(unhexlify(data["words"]))
    polls = unhexlify(data["polls"])
    sink = Sink(len(imu.words))
    sensing = Sensing(imu, Fusion(imu.rate_mhz, imu.acc_lsb_ug, imu.gyro_lsb_udps), sink)
    start = data["start_ms"]
    low = start & 0xFFFF
    high = start >> 16
    imu.waiting = data["first"]
    sensing.poll(start)
    gc.collect()
    gc.disable()
    before = mem_alloc()
    heap_lock()
    pass_by(sensing, imu, polls, low, high)
    heap_unlock()
    grown = mem_alloc() - before
    packets = hexlify(memoryview(sink.out)[: sink.length]).decode()
    answer = {"grown": grown, "count": sink.packets, "samples": sink.samples, "packets": packets}
    with open(sys.argv[2], "w") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main()
