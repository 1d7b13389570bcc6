# A flash partition with two slots for the firmware: `partition.bin` in the flash, if there is one. What is written is in the file
# before the call returns, so that killing the interpreter is a loss of power. On the board the partition is mapped into memory; here
# it takes its own length of the heap.
import sys
import vfs as _vfs

import _radio

_FILE = "partition.bin"
_BLOCK = 4096
_ERASE_US = 70000  # of a sector: what makers of such flash call typical
_memory = bytearray(0)
_file = None


class Partition:
    TYPE_APP = 0
    TYPE_DATA = 1

    @staticmethod
    def find(type=0, subtype=0xFF, label=None):
        return [Partition()] if type == Partition.TYPE_DATA and label in (None, "romfs") else []

    def info(self):
        return 1, 0x8F, 0x3C0000, len(_memory), "romfs", False

    def readblocks(self, block, buf, offset=0):
        at = block * _BLOCK + offset
        buf[:] = _memory[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=None):
        if offset is None:
            self.ioctl(6, block)
            offset = 0
        at = block * _BLOCK + offset
        for i, byte in enumerate(buf):
            _memory[at + i] &= byte
        self._keep(at, len(buf))

    def ioctl(self, op, arg):
        if op == 4:
            return len(_memory) // _BLOCK
        if op == 5:
            return _BLOCK
        if op == 6:
            at = arg * _BLOCK
            for i in range(at, at + _BLOCK):
                _memory[i] = 0xFF
            self._keep(at, _BLOCK)
            _radio.sleep_us(_radio.settings.get("erase_us", _ERASE_US))
        return 0

    def _keep(self, at, n):
        _file.seek(at)
        _file.write(memoryview(_memory)[at : at + n])
        _file.flush()


class _Vfs:
    def __getattr__(self, name):
        return getattr(_vfs, name)

    @staticmethod
    def rom_ioctl(op, *args):
        return {1: 1, 2: _memory}.get(op, -22)


def open_file():
    global _memory, _file
    _file = open(_FILE, "r+b")
    _memory = bytearray(_file.seek(0, 2))
    _file.seek(0)
    _file.readinto(_memory)
    sys.modules["esp32"] = sys.modules[__name__]
    sys.modules["vfs"] = _Vfs()
