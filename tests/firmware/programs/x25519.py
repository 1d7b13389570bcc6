"""Multiplies: a list of [scalar, point] in hex, answered with the products, the rounds that one took, and the most that a
round left on the heap."""

import gc
import json
import sys
from binascii import hexlify, unhexlify

from clip.x25519 import Multiplication

mem_alloc = getattr(gc, "mem_alloc", lambda: 0)


def multiply(scalar, point, bits):
    work = Multiplication(scalar, point)
    rounds = 0
    most = 0
    done = False
    while not done:
        gc.collect()
        before = mem_alloc()
        done = work.step(bits)
        most = max(most, mem_alloc() - before)
        rounds += 1
    return work.result, rounds, most


def main():
    with open(sys.argv[1]) as file:
        data = json.load(file)
    gc.disable()
    products = []
    rounds = most = 0
    for scalar, point in data["pairs"]:
        product, rounds, left = multiply(unhexlify(scalar), unhexlify(point), data["bits"])
        most = max(most, left)
        products.append(hexlify(product).decode())
    again = unhexlify(data["iterated"])
    scalar = again
    for _ in range(data["times"]):
        product = multiply(scalar, again, 510)[0]
        again = scalar
        scalar = product
    with open(sys.argv[2], "w") as file:
        json.dump({"products": products, "rounds": rounds, "left": most, "iterated": hexlify(scalar).decode()}, file)


if __name__ == "__main__":
    main()
