"""The package that is copied to the board. Runs on MicroPython and on CPython."""
