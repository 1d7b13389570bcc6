# `os` of the board, with random bytes that repeat in a repeated run.
import os as _os
import struct

import _radio


class Os:
    def __getattr__(self, name):
        return getattr(_os, name)

    @staticmethod
    def urandom(n):
        return _radio.call(0x33, struct.pack("<H", n))
