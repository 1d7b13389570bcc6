"""Two loops of whole numbers, of the kind whose time has been published for boards: processor seconds of a million rounds, each the
best of three, of sums that stay small and of products that do not."""

from time import clock


def sums(values):
    for _ in range(values[0]):
        _ = values[1] + values[2]


def products(values):
    for _ in range(values[0]):
        _ = values[1] * values[2]


for loop in (sums, products):
    times = []
    for _ in range(3):
        begun = clock()
        loop([1000000, 12345678, 56781234])
        times.append(clock() - begun)
    print(min(times))
