"""Two loops of whole numbers, of the kind whose time has been published for boards: processor seconds of a million rounds, each the
best of three, of sums that stay small and of products that do not; as JSON."""

import json
from time import clock

_MILLIONS = 4  # the clock here counts milliseconds


def sums(values):
    for _ in range(values[0]):
        _ = values[1] + values[2]


def products(values):
    for _ in range(values[0]):
        _ = values[1] * values[2]


best = {}
for loop in (sums, products):
    times = []
    for _ in range(3):
        begun = clock()
        loop([_MILLIONS * 1000000, 12345678, 56781234])
        times.append((clock() - begun) / _MILLIONS)
    best[loop.__name__] = min(times)
print(json.dumps(best))
