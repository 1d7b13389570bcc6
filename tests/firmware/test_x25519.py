"""X25519 against the vectors of RFC 7748 and against another implementation, in rounds that leave time for the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip.x25519 import BASE, Multiplication

# Section 5.2 and, from the third on, section 6.1: scalar, point, product.
RFC = (
    (
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    ),
    (
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
    ),
    (
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        BASE.hex(),
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    ),
    (
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        BASE.hex(),
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    ),
    (
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    ),
)
ONCE = "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
THOUSAND_TIMES = "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"
BITS = 5
ROUND_B = 16_384  # main's threshold, above which a round would be interrupted by a collection more


def multiply(scalar: bytes, point: bytes) -> bytes:
    work = Multiplication(scalar, point)
    while not work.step(BITS):
        pass
    return work.result


def test_the_vectors_of_the_rfc(either: Callable[..., Any]) -> None:
    pairs = [[scalar, point] for scalar, point, _ in RFC]
    answer = either("x25519.py", {"pairs": pairs, "bits": BITS, "iterated": BASE.hex(), "times": 1})
    assert answer["products"] == [product for *_, product in RFC]
    assert answer["iterated"] == ONCE
    assert answer["rounds"] == 102
    print(f"heap that a round leaves to collect: {answer['left']} B")
    assert answer["left"] <= ROUND_B


@pytest.mark.micropython32
def test_the_vectors_on_32_bits(micropython32: Callable[..., Any]) -> None:
    pairs = [[scalar, point] for scalar, point, _ in RFC]
    answer = micropython32("x25519.py", {"pairs": pairs, "bits": BITS, "iterated": BASE.hex(), "times": 1})
    assert answer["products"] == [product for *_, product in RFC]
    print(f"heap that a round leaves to collect, 32 bits: {answer['left']} B")
    assert answer["left"] <= ROUND_B


def test_a_thousand_times_over() -> None:
    point = scalar = BASE
    for _ in range(1000):
        point, scalar = scalar, multiply(scalar, point)
    assert scalar.hex() == THOUSAND_TIMES


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32), st.integers(1, 600))
def test_as_others_compute_it(mine: bytes, theirs: bytes, bits: int) -> None:
    private = X25519PrivateKey.from_private_bytes(mine)
    assert multiply(mine, BASE) == private.public_key().public_bytes_raw()
    point = X25519PrivateKey.from_private_bytes(theirs).public_key().public_bytes_raw()
    work = Multiplication(mine, point)
    while not work.step(bits):
        assert work.result == b""
    assert work.result == private.exchange(X25519PublicKey.from_public_bytes(point))


@pytest.mark.parametrize(
    "point",
    [
        bytes(32),
        b"\x01" + bytes(31),
        (2**255 - 20).to_bytes(32, "little"),
        (2**255 - 19).to_bytes(32, "little"),
        (2**255 - 18).to_bytes(32, "little"),
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ],
)
def test_points_of_low_order_give_zeros(point: bytes) -> None:
    assert multiply(bytes(range(32)), point) == bytes(32)
