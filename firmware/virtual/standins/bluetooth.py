# MicroPython's `bluetooth` for a peripheral: every call goes to the radio. What the firmware needs at its start only is in
# `_gatts`, and what it never asks for, because it knows the flags by number, in `_flags`.
import struct

import _radio


def __getattr__(name):
    if name[:5] == "FLAG_":
        import _flags

        return getattr(_flags, name)
    return _once(name)


def _once(name):
    # On the board this takes no memory; here it is given back, and loaded again for who asks again.
    import _gatts

    _radio.drop("_gatts")
    return getattr(_gatts, name)


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

    def __getattr__(self, name):
        return getattr(_once("Starting")(self), name)

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

    def need(self):
        if not self._active:
            raise OSError(19)

    def active(self, on=None):
        if on is not None and bool(on) != self._active:
            _radio.call(0x0C, bytes([1 if on else 0]))
            self._active = bool(on)
        return self._active

    def irq(self, handler):
        self._irq = handler

    def gap_advertise(self, interval_us, adv_data=None, *, resp_data=None, connectable=True):
        self.need()
        if interval_us is None:
            interval_us = 0xFFFFFFFF
        keep = adv_data is None and resp_data is None
        adv = bytes(adv_data or b"")
        head = struct.pack("<IBBB", interval_us, 1 if connectable else 0, 1 if keep else 0, len(adv))
        _radio.call(0x04, head, adv, bytes(resp_data or b""))

    def gap_disconnect(self, conn_handle):
        self.need()
        try:
            _radio.call(0x05, struct.pack("<H", conn_handle))
        except OSError:
            return False
        return True

    def gatts_write(self, value_handle, data, send_update=False):
        _radio.call(0x07, struct.pack("<HB", value_handle, 1 if send_update else 0), bytes(data))

    def gatts_read(self, value_handle):
        return _radio.call(0x08, struct.pack("<H", value_handle))

    def _tell(self, op, conn_handle, value_handle, data):
        self.need()
        head = struct.pack("<HHB", conn_handle, value_handle, 0 if data is None else 1)
        _radio.call(op, head, b"" if data is None else bytes(data))

    def gatts_notify(self, conn_handle, value_handle, data=None):
        self._tell(0x09, conn_handle, value_handle, data)

    def gatts_indicate(self, conn_handle, value_handle, data=None):
        self._tell(0x0A, conn_handle, value_handle, data)
