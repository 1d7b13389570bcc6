"""The category of a second by the vote of its four hops."""

from __future__ import annotations

from itertools import product

import numpy as np

from firmware.clip import protocol
from gateway.core.epochs import votes


def test_most_of_four_hops_and_of_equals_the_first_code() -> None:
    seconds = list(product(range(protocol.category.COUNT), repeat=4))
    expected = [max(sorted(set(hops)), key=hops.count) for hops in seconds]
    assert votes(np.array(seconds)).tolist() == expected
