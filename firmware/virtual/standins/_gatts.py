# What is asked of `bluetooth` when the clip starts.
import json
import struct
import sys

import _radio


def _packed(value):
    if isinstance(value, int):
        return struct.pack("<H", value)
    if isinstance(value, str):
        digits = value.replace("-", "")
        return bytes([int(digits[i : i + 2], 16) for i in range(len(digits) - 2, -1, -2)])
    return bytes(value)


# A subclass of bytes, because bytes(uuid) works on the board and MicroPython knows no __bytes__.
if sys.implementation.name == "micropython":

    class _Bytes(bytes):
        def __init__(self, value):
            super().__init__(_packed(value))

else:

    class _Bytes(bytes):
        def __new__(cls, value):
            return bytes.__new__(cls, _packed(value))


class UUID(_Bytes):
    def _text(self):
        return "".join(["%02x" % byte for byte in reversed(bytes(self))])

    def __repr__(self):
        return "UUID(0x%s)" % self._text() if len(bytes(self)) == 2 else "UUID('%s')" % self._text()


class Starting:
    # What `BLE` does then.
    def __init__(self, ble):
        self._ble = ble

    def config(self, *names, **values):
        if names:
            value = json.loads(_radio.call(0x03, names[0].encode()))
            if names[0] == "mac":
                return 1, bytes([int(value[i : i + 2], 16) for i in range(0, 12, 2)])
            return value.encode() if names[0] == "gap_name" else value
        if isinstance(values.get("gap_name"), (bytes, bytearray)):
            values["gap_name"] = bytes(values["gap_name"]).decode()
        _radio.call(0x02, json.dumps(values).encode())

    def gatts_register_services(self, services):
        self._ble.need()
        plain = []
        for service in services:
            characteristics = []
            for entry in service[1]:
                descriptors = [[d[0]._text(), d[1]] for d in entry[2]] if len(entry) > 2 else []
                characteristics.append([entry[0]._text(), entry[1], descriptors])
            plain.append([service[0]._text(), characteristics])
        return tuple([tuple(handles) for handles in json.loads(_radio.call(0x06, json.dumps(plain).encode()))])

    def gatts_set_buffer(self, value_handle, length, append=False):
        _radio.call(0x0B, struct.pack("<HHB", value_handle, length, 1 if append else 0))
