"""Passwords that are tried first: those put together from words that everybody takes, runs of keys, and a few digits.

A list of the most used passwords (OWASP ASVS 5.0, 6.2.4) has few of our length, and those are nearly all put together
so. Hence the pieces are kept, and a password is measured by how many it is made of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_TEXT: Final = """
    abc access admin administrator alexander amanda america and andrea andrew angel angela apple arsenal ashley
    august baby babygirl banana barcelona baseball basketball batman beautiful blink bonjour boy buster butterfly
    butthead changeme charlie cheese chelsea chocolate christian christopher computer cookie corvette cowboys daniel
    december default diamond doctor dolphin dragon eagle eagles elephant eminem england enter ever family february
    ferrari five flower football for forever four france freedom friend friends fuck fucker fuckyou gandalf george
    germany ginger girl god guest guitar hallo hannah happy harley harry heaven hello hockey honey hospital hottie
    hunter i iloveyou internet is jasmine jennifer jessica jesus johnny jonathan jordan joshua july june justin
    killer kitty kristina lakers lauren letmein liverpool login london lord love lovely loveyou lucky madrid maggie
    man manchester march marina martin master matthew me mercedes merlin metallica michael michelle microsoft
    midnight mine monday money monkey monster morgan motdepasse mother music mustang my naruto natalie nicole
    november october of one orange pass passion passwd password passwort patient patrick peanut pepper phoenix
    plumbline pokemon porsche posture precious prince princess purple qwer rainbow rangers robert rockstar root
    samantha samsung secret september server seven sexy shadow silver six slipknot smokey snoopy soccer sparky
    spiderman spring star starwars steelers steven summer sunday sunflower sunshine superman superstar sweet
    sweetheart tatiana taylor teacher temp tennis test testing the therapist therapy thomas three thunder tigger
    tinkerbell to today together tottenham trustno two united user victoria victory welcome whatever william winner
    winter wizard yankees yellow you your
"""
_WORDS: Final = frozenset(_TEXT.split())
_ROWS: Final = (
    "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn",
    "abcdefghijklmnopqrstuvwxyz", "1234567890", "0123456789", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik",
    "qazwsxedcrfvtgbyhnujmikolp", "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "q2w3e4r5t6y7u8i9o0p",
    "zaq1xsw2cde3vfr4bgt5", "zaqxswcdevfrbgtnhymju", "qweasdzxc", "123qweasdzxc", "1a2b3c4d5e6f7g8h",
    "a1b2c3d4e5f6g7h8",
)  # fmt: skip
_RUNS: Final = _ROWS + tuple(row[::-1] for row in _ROWS)
_SHORTEST_RUN: Final = 3
_LONGEST: Final = 40
_ENOUGH: Final = 6.0
_SIGN: Final = 0.5
_FEWEST: Final = 5
_INSTEAD: Final = str.maketrans("0134578@$!|€", "oieastbasile")
_APART: Final = re.compile(r"[\W\d_]+")


def weakness(password: str, about: Iterable[str] = ()) -> str:
    """Why a password is among those that are tried first, or "". `about` is what others know: the e-mail address, the
    name."""
    plain = password.casefold()
    if len(set(plain)) < _FEWEST:
        return "the password has too few different characters"
    known = {part for told in about for part in _APART.split(told.casefold()) if len(part) >= _SHORTEST_RUN}
    if _measure(plain, _WORDS | known) < _ENOUGH:
        return "the password is one of those that are tried first; take three or four words that nobody else would"
    return ""


def _measure(text: str, words: frozenset[str]) -> float:
    """Of how many pieces `text` is made, at the least: a known word, a run of keys and any other letter is one, any
    other digit or sign a half."""
    least = [0.0]
    for end in range(1, len(text) + 1):
        fewest = least[-1] + (1.0 if text[end - 1].isalpha() else _SIGN)
        for start in range(max(0, end - _LONGEST), end - 1):
            if least[start] + 1.0 < fewest and _is_known(text[start:end], words):
                fewest = least[start] + 1.0
        least.append(fewest)
    return least[-1]


def _is_known(piece: str, words: frozenset[str]) -> bool:
    if piece in words or piece.translate(_INSTEAD) in words:
        return True
    return len(piece) >= _SHORTEST_RUN and (len(set(piece)) == 1 or any(piece in row for row in _RUNS))
