"""A NOR flash in memory, as a block device for littlefs: counts erases, and loses its power at a given byte.

Programming clears bits and needs an erased block to set them; what is torn has programmed its first bytes and some bits
of the next. A torn erase has erased half of the block. After that nothing is changed any more, which littlefs and its
user are told by EIO. `spent` counts bytes programmed, and one for each erase.
"""

import errno


class Nor:
    def __init__(self, blocks, size=4096):
        self.blocks = blocks
        self.size = size
        self.data = bytearray(b"\xff" * (blocks * size))
        self.erases = [0] * blocks
        self.spent = 0
        self.cut = None
        self.dead = False
        self._ones = b"\xff" * size

    def readblocks(self, block, buf, offset=0):
        at = block * self.size + offset
        buf[:] = self.data[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        if self.dead:
            return -errno.EIO
        at = block * self.size + offset
        n = len(buf)
        if self.cut is not None and self.spent + n > self.cut:
            n = self.cut - self.spent
        for i in range(n) if self.data[at : at + n] != self._ones[:n] else ():
            if ~self.data[at + i] & buf[i]:
                raise AssertionError("programmed where it was not erased")
        self.data[at : at + n] = memoryview(buf)[:n]
        self.spent += n
        if n < len(buf):
            self.data[at + n] &= buf[n] | 0xA5
            self.dead = True
            return -errno.EIO
        return 0

    def ioctl(self, op, block):
        if op == 4:
            return self.blocks
        if op == 5:
            return self.size
        if op == 6:
            if self.dead:
                return -errno.EIO
            torn = self.cut is not None and self.spent >= self.cut
            n = self.size // 2 if torn else self.size
            at = block * self.size
            self.data[at : at + n] = self._ones[:n]
            if torn:
                self.dead = True
                return -errno.EIO
            self.spent += 1
            self.erases[block] += 1
        return 0
