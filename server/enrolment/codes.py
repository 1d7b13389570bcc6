"""One-time codes that a patient types: drawn, read back however they were typed, and kept as a hash.

Ten digits of Crockford's base 32 (https://www.crockford.com/base32.html), 50 random bits, shown in two groups. The hash
is slow (scrypt, RFC 7914), so that a copy of the database does not give the codes away while they are valid.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 10
_GROUP: Final = 5
_ALIKE: Final = str.maketrans("OIL", "011")
_BETWEEN: Final = re.compile(r"[\s\-–—_.]+")
_SALT: Final = b"plumbline enrolment code"  # one for all: a code is looked up by its hash
_COST: Final = 2**14  # 16 MiB and some 40 ms each


class UnreadableCodeError(ValueError):
    """What was typed can be no code; the message says why."""


def draw(length: int = LENGTH) -> str:
    """A new code."""
    return "".join(secrets.choice(DIGITS) for _ in range(length))


def grouped(code: str, size: int = _GROUP) -> str:
    """A code as it is shown, `4F7KQ-M2XPN`."""
    return "-".join(code[at : at + size] for at in range(0, len(code), size))


def read(typed: str, length: int = LENGTH) -> str:
    """The code in what somebody typed: spaces, hyphens and small letters do not matter, nor do O for 0, I and L for 1.
    Raises UnreadableCodeError."""
    code = _BETWEEN.sub("", typed).upper().translate(_ALIKE)
    if len(code) != length:
        raise UnreadableCodeError(f"A code has {length} letters and digits; this one has {len(code)}.")
    if strange := sorted(set(code) - set(DIGITS)):
        raise UnreadableCodeError(f"A code has no {strange[0]!r} in it.")
    return code


def digest(code: str) -> str:
    """What is kept of a code."""
    return hashlib.scrypt(code.encode(), salt=_SALT, n=_COST, r=8, p=1, dklen=32).hex()
