"""The BMI270 as its I2C master sees it, as far as a driver needs it: identity, reset, upload of the configuration, power, FIFO.
Runs in MicroPython and in CPython."""

import struct

ADDRESS = 0x69
CONFIG_SIZE = 8192
FIFO_SIZE = 2048
FRAME = 12


class Chip:
    """The bus and the one chip on it. `config` is what it must be given before it measures."""

    def __init__(self, config, who=0x24):
        self.config = config
        self.who = who
        self.present = True
        self.resets = 0
        self.reset()

    def reset(self):
        self.resets += 1
        self.registers = bytearray(0x80)
        self.registers[0x00] = self.who
        self.registers[0x23] = 0x80  # no temperature yet
        self.registers[0x7C] = 0x03  # power saving
        self.memory = bytearray(CONFIG_SIZE)
        self.fifo = bytearray()

    # --- the bus ---

    def _answer(self, address):
        if not self.present or address != ADDRESS:
            raise OSError(19)

    def readfrom_mem(self, address, register, n):
        data = bytearray(n)
        self.readfrom_mem_into(address, register, data)
        return bytes(data)

    def readfrom_mem_into(self, address, register, into):
        self._answer(address)
        n = len(into)
        if register == 0x26:
            data = self.fifo[:n]
            self.fifo = self.fifo[n:]
            into[:] = data + bytes([0x80] * (n - len(data)))
            return
        self.registers[0x24:0x26] = struct.pack("<H", len(self.fifo))
        into[:] = self.registers[register : register + n]

    def writeto_mem(self, address, register, data):
        self._answer(address)
        data = bytes(data)
        if register == 0x5E:
            self._upload(data)
            return
        for i in range(len(data)):
            self._write(register + i, data[i])

    def _write(self, register, value):
        if register == 0x7E:
            if value == 0xB6:
                self.reset()
            elif value == 0xB0:
                self.fifo = bytearray()
            return
        before = self.registers[register]
        self.registers[register] = value
        if register == 0x59 and value == 1 and before == 0:
            ready = bytes(self.memory) == self.config and self.registers[0x7C] & 1 == 0
            self.registers[0x21] = 1 if ready else 2

    def _upload(self, data):
        if self.registers[0x7C] & 1:
            return  # asleep
        at = 2 * ((self.registers[0x5B] & 0x0F) | self.registers[0x5C] << 4)
        if at + len(data) <= CONFIG_SIZE:
            self.memory[at : at + len(data)] = data

    # --- what it feels ---

    @property
    def measures(self):
        return self.registers[0x21] == 1 and self.registers[0x7D] & 6 == 6 and self.registers[0x49] == 0xC0

    @property
    def int1(self):
        mapped = self.registers[0x58] & 2 and self.registers[0x53] & 8
        return bool(mapped and len(self.fifo) >= (self.registers[0x46] | (self.registers[0x47] & 0x1F) << 8))

    def feel(self, gyro, acc, celsius):
        """One sample of its own rate, in LSB."""
        if not self.measures:
            return
        self.registers[0x22:0x24] = struct.pack("<h", (celsius - 23) * 512)
        if len(self.fifo) + FRAME > FIFO_SIZE:
            self.fifo = self.fifo[FRAME:]
        self.fifo += struct.pack("<6h", *(list(gyro) + list(acc)))
