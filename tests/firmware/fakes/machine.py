"""Stand-in for MicroPython's `machine`: nothing but what the clip's modules import. The programs pass their own chips."""


class Pin:
    def __init__(self, number, *_):
        self.number = number


class I2C:
    def __init__(self, *_, **__):
        pass


class ADC:
    def __init__(self, pin):
        self.pin = pin
