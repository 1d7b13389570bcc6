# MicroPython's `micropython` for CPython.


def const(value):
    return value


def _unchanged(function):
    return function


native = viper = _unchanged


def schedule(function, argument):
    function(argument)


def alloc_emergency_exception_buf(size):
    pass


def heap_lock():
    return 0


def heap_unlock():
    return 0


def opt_level(level=None):
    return 0
