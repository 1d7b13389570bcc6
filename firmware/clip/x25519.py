"""X25519 (RFC 7748) in plain integers, a few bits at a time, so that 40 ms are enough for a part of it.

The time that a multiplication takes depends on its numbers: use a private key for one pairing only.
"""

from .wire.base import const

SIZE = 32
BASE = b"\x09" + bytes(31)  # the point that a public key is a multiple of
_P = const(0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFED)
_A24 = const(121665)
_BITS = const(255)


class Multiplication:
    """The point `u` times the number `scalar`, 32 bytes each: `step` until it is True, then `result` has 32 bytes."""

    def __init__(self, scalar: bytes, u: bytes) -> None:
        number = int.from_bytes(scalar, "little")
        self._scalar = number & ((1 << 254) - 8) | 1 << 254  # clamped: RFC 7748, section 5
        self._u = int.from_bytes(u, "little") & ((1 << _BITS) - 1)
        self._x2 = 1
        self._z2 = 0
        self._x3 = self._u
        self._z3 = 1
        self._bit = _BITS
        self._inverting = False
        self.result = b""

    def step(self, bits: int) -> bool:
        """Go on by some of the 510 bits that there are; whether that was all."""
        while bits > 0 and not self.result:
            bits -= 1
            self._bit -= 1
            if self._inverting:
                self._invert()
            else:
                self._climb()
        return bool(self.result)

    def _climb(self) -> None:
        """One rung of the Montgomery ladder."""
        swap = self._scalar >> self._bit & 1
        if swap:
            x2, z2, x3, z3 = self._x3, self._z3, self._x2, self._z2
        else:
            x2, z2, x3, z3 = self._x2, self._z2, self._x3, self._z3
        plus = x2 + z2
        minus = x2 - z2
        cross = (x3 - z3) * plus % _P
        other = (x3 + z3) * minus % _P
        x3 = (cross + other) ** 2 % _P
        z3 = self._u * (cross - other) ** 2 % _P
        plus = plus * plus % _P
        minus = minus * minus % _P
        apart = plus - minus
        x2 = plus * minus % _P
        z2 = apart * (plus + _A24 * apart) % _P
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
        self._x2 = x2
        self._z2 = z2
        self._x3 = x3
        self._z3 = z3
        if self._bit == 0:
            self._x3 = 1  # becomes z2 to the power P - 2, which is 1 / z2
            self._bit = _BITS
            self._inverting = True

    def _invert(self) -> None:
        power = self._x3 * self._x3 % _P
        if (_P - 2) >> self._bit & 1:
            power = power * self._z2 % _P
        self._x3 = power
        if self._bit == 0:
            self.result = (self._x2 * power % _P).to_bytes(SIZE, "little")
