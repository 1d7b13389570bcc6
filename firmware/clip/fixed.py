"""Numbers as mantissa and shift, for arithmetic in whole numbers."""


def scaled(num: int, den: int, bits: int) -> tuple[int, int]:
    """(mantissa, shift) with mantissa / 2**shift the nearest to num / den, the mantissa of `bits` bits. For num / den of 0
    to 2**bits; a shift is never negative."""
    shift = 0
    while (num << (shift + 1)) + den // 2 < den << bits:
        shift += 1
    return ((num << shift) + den // 2) // den, shift
