"""Imports the modules named in its input, one after the other; answers those that it could not, with the reason."""

import json
import sys


def main():
    with open(sys.argv[1]) as file:
        names = json.load(file)
    failed = []
    for name in names:
        try:
            __import__(name)
        except Exception as error:
            failed.append([name, repr(error)])
    with open(sys.argv[2], "w") as file:
        json.dump(failed, file)


main()
