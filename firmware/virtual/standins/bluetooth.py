# MicroPython's `bluetooth` for a peripheral: every call goes to the radio.
import json
import struct
import sys

import _radio


def __getattr__(name):
    # The firmware knows the flags by number.
    import _flags

    return getattr(_flags, name)


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


class BLE:
    _one = None

    def __new__(cls):
        if BLE._one is None:
            BLE._one = object.__new__(cls)
            BLE._one._active = False
            BLE._one._irq = None
            for group in (0x00, 0x20):
                _radio.on_event(group, BLE._one._event)
        return BLE._one

    def _event(self, event):
        handler = self._irq
        if handler is None:
            return
        number = event[0]
        if number in (1, 2):
            connection, kind = struct.unpack("<HB", event[1:4])
            data = (connection, kind, event[4:10])
        elif number == 20:
            data = struct.unpack("<HHB", event[1:])
        elif number == 27:
            data = struct.unpack("<HHHHB", event[1:])
        else:
            data = struct.unpack("<HH", event[1:])
        handler(number, data)

    def _need(self):
        if not self._active:
            raise OSError(19)

    def active(self, on=None):
        if on is not None and bool(on) != self._active:
            _radio.call(0x0C, bytes([1 if on else 0]))
            self._active = bool(on)
        return self._active

    def irq(self, handler):
        self._irq = handler

    def config(self, *names, **values):
        if names:
            value = json.loads(_radio.call(0x03, names[0].encode()))
            if names[0] == "mac":
                return 1, bytes([int(value[i : i + 2], 16) for i in range(0, 12, 2)])
            return value.encode() if names[0] == "gap_name" else value
        if isinstance(values.get("gap_name"), (bytes, bytearray)):
            values["gap_name"] = bytes(values["gap_name"]).decode()
        _radio.call(0x02, json.dumps(values).encode())

    def gap_advertise(self, interval_us, adv_data=None, *, resp_data=None, connectable=True):
        self._need()
        if interval_us is None:
            interval_us = 0xFFFFFFFF
        keep = adv_data is None and resp_data is None
        adv = bytes(adv_data or b"")
        head = struct.pack("<IBBB", interval_us, 1 if connectable else 0, 1 if keep else 0, len(adv))
        _radio.call(0x04, head, adv, bytes(resp_data or b""))

    def gap_disconnect(self, conn_handle):
        self._need()
        try:
            _radio.call(0x05, struct.pack("<H", conn_handle))
        except OSError:
            return False
        return True

    def gatts_register_services(self, services):
        self._need()
        plain = []
        for service in services:
            characteristics = []
            for entry in service[1]:
                descriptors = [[d[0]._text(), d[1]] for d in entry[2]] if len(entry) > 2 else []
                characteristics.append([entry[0]._text(), entry[1], descriptors])
            plain.append([service[0]._text(), characteristics])
        return tuple([tuple(handles) for handles in json.loads(_radio.call(0x06, json.dumps(plain).encode()))])

    def gatts_write(self, value_handle, data, send_update=False):
        _radio.call(0x07, struct.pack("<HB", value_handle, 1 if send_update else 0), bytes(data))

    def gatts_read(self, value_handle):
        return _radio.call(0x08, struct.pack("<H", value_handle))

    def _send(self, op, conn_handle, value_handle, data):
        self._need()
        head = struct.pack("<HHB", conn_handle, value_handle, 0 if data is None else 1)
        _radio.call(op, head, b"" if data is None else bytes(data))

    def gatts_notify(self, conn_handle, value_handle, data=None):
        self._send(0x09, conn_handle, value_handle, data)

    def gatts_indicate(self, conn_handle, value_handle, data=None):
        self._send(0x0A, conn_handle, value_handle, data)

    def gatts_set_buffer(self, value_handle, length, append=False):
        _radio.call(0x0B, struct.pack("<HHB", value_handle, length, 1 if append else 0))
