"""Stand-in for MicroPython's `bluetooth`: values in a dict, everything that is sent in a list."""


class UUID:
    def __init__(self, value):
        self.value = value


class BLE:
    def __init__(self):
        self.values = {}
        self.sent = []
        self.advertising = False
        self.disconnected = []
        self.no_buffers = 0
        self.confirms = True
        self.interval = 0
        self.writes = 0
        self.uuids = {}
        self.settings = {}
        self._handler = None

    def active(self, on):
        pass

    def config(self, **settings):
        self.settings.update(settings)

    def irq(self, handler):
        self._handler = handler

    def gatts_register_services(self, services):
        handles = []
        number = 10
        for _, characteristics in services:
            row = []
            for characteristic in characteristics:
                self.uuids[characteristic[0].value] = number
                row.append(number)
                number += 3
            handles.append(tuple(row))
        return tuple(handles)

    def gatts_set_buffer(self, handle, size, append=False):
        pass

    def gatts_write(self, handle, value, send_update=False):
        self.values[handle] = bytes(value)

    def gatts_read(self, handle):
        return self.values.get(handle, b"")

    def gap_advertise(self, interval_us, adv_data=None, *, resp_data=None):
        self.advertising = interval_us is not None
        self.interval = interval_us or 0
        if adv_data is not None:
            self.adv_data, self.resp_data = adv_data, resp_data

    def gap_disconnect(self, connection):
        self.disconnected.append(connection)
        self._handler(2, (connection, 0, b"central"))

    def _send(self, connection, handle, data):
        if self.no_buffers:
            self.no_buffers -= 1
            raise OSError(12)
        self.sent.append((connection, handle, bytes(data)))

    gatts_notify = _send

    def gatts_indicate(self, connection, handle, data):
        self._send(connection, handle, data)
        if self.confirms:
            self._handler(20, (connection, handle, 0))

    # --- what a central does ---

    def connect(self, connection, mtu=247):
        self.advertising = False  # the stack stops by itself
        self._handler(1, (connection, 0, b"central"))
        self._handler(21, (connection, mtu))

    def write(self, connection, uuid, data):
        self.writes += 1
        handle = self.uuids[uuid]
        self.values[handle] = bytes(data)
        self._handler(3, (connection, handle))

    def read(self, uuid):
        return self.values.get(self.uuids[uuid], b"")

    def take(self, uuid=None):
        handle = self.uuids.get(uuid)
        out = [data for _, h, data in self.sent if handle is None or h == handle]
        self.sent = [entry for entry in self.sent if handle is not None and entry[1] != handle]
        return out
