"""The clip's Bluetooth peripheral: what MicroPython's `bluetooth.BLE` does on the board, over a bumble device.

Values are kept here, as the stack on the board keeps them; reads never reach the firmware. `gatts_notify` sends
whatever the subscription says (NimBLE does so); `gatts_write(..., send_update=True)` honours it. When more packets wait
for a connection event than the stack has buffers, a notification is refused with ENOMEM. A write that is longer than
the MTU allows is refused: the central has to make pieces of it.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import random
import struct
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from bumble import att, gatt, hci
from bumble.core import UUID
from bumble.device import AdvertisingType, Connection, Device, DeviceConfiguration
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from . import ops
from .air import Air
from .controller import VirtualController

log = logging.getLogger(__name__)

DEFAULT_BUFFER = 20  # bytes that a value holds unless the firmware asks for more
MIN_ADVERTISING_MS = 20
_STOP = 0xFFFFFFFF
_CCCD = UUID(0x2902)
_READABLE_FLAGS = 0x02
_WRITEABLE_FLAGS = 0x0C

Emit = Callable[[int, bytes], None]


def make_device(air: Air, name: str, address: str) -> tuple[Device, VirtualController]:
    """A bumble device and its controller on `air`; `address` is a static random one."""
    controller = VirtualController(name, air)
    host = Host(controller, AsyncPipeSink(controller))
    return Device(config=DeviceConfiguration(name=name, address=hci.Address(address)), host=host), controller


class Peripheral:
    """One clip's radio.

    Parameters
    ----------
    tx_buffers
        Packets that may wait for a connection event before `gatts_notify` raises ENOMEM.
    mtu_limit
        Largest MTU that is ever agreed on, whatever the firmware asks for.
    emit
        Called with an event's number and its bytes (see `ops`).
    """

    def __init__(self, air: Air, name: str, address: str, *, tx_buffers: int, mtu_limit: int, emit: Emit) -> None:
        self._air = air
        self._device, self.controller = make_device(air, name, address)
        self._server = self._device.gatt_server
        self.tx_buffers = tx_buffers
        self.refused = 0
        self._random = random.Random(name)  # noqa: S311 - simulation, not a secret
        self._refusals = (0.0, 1)
        self._refusing = 0
        self._mtu_limit = mtu_limit
        self._emit = emit
        self._config: dict[str, Any] = {"gap_name": name, "mtu": 256, "rxbuf": 0, "addr_mode": 1, "le_secure": False}
        self._values: dict[int, bytes] = {}
        self._buffers: dict[int, tuple[int, bool]] = {}
        self._characteristics: dict[int, gatt.Characteristic[bytes]] = {}
        self._advertised = (b"", b"")
        self._accepted = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server.max_mtu = min(self._config["mtu"], mtu_limit)
        self._indicated: dict[att.Bearer, int] = {}
        self._server.on_att_handle_value_confirmation = self._confirmed  # type: ignore[method-assign]
        self._device.on("connection", self._on_connection)

    async def power_on(self) -> None:
        """Make the radio ready."""
        await self._device.power_on()

    def power_off(self) -> None:
        """Fall silent without a word, as when the battery is taken out."""
        for task in self._tasks:
            task.cancel()
        for advertising_set in self.controller.advertising_sets.values():
            advertising_set.stop()
        self.controller.le_legacy_advertiser.stop()
        self._emit = lambda _number, _payload: None
        self._air.remove_controller(self.controller)

    # -- calls of the stand-in; what changes the air is put off to `act`

    def call(self, op: int, data: bytes) -> tuple[bytes, bool]:
        """(answer, whether `act` has to follow at the end of the step). Raises OSError as the board does."""
        if op in (ops.BLE_NOTIFY, ops.BLE_INDICATE):
            self._connection(data)
            if self._accepted + self._air.queued(self.controller) >= self.tx_buffers or self._out_of_luck():
                self.refused += 1
                raise OSError(errno.ENOMEM, "no buffer")
            self._accepted += 1
            return b"", True
        if op == ops.BLE_DISCONNECT:
            self._connection(data)
            return b"", True
        if op in (ops.BLE_ADVERTISE, ops.BLE_ACTIVE):
            return b"", True
        if op == ops.BLE_WRITE:
            handle, update = struct.unpack_from("<HB", data)
            self._known(handle)
            self._values[handle] = data[3:]
            return b"", bool(update)
        handler = self._CALLS.get(op)
        if handler is None:
            raise OSError(errno.EINVAL, f"operation {op}")
        return handler(self, data), False

    def act(self, op: int, data: bytes) -> None:
        """Carry out what `call` put off."""
        if op == ops.BLE_NOTIFY:
            self._notify(data)
        elif op == ops.BLE_INDICATE:
            self._indicate(data)
        elif op == ops.BLE_WRITE:
            handle = struct.unpack_from("<H", data)[0]
            self._spawn(self._server.notify_subscribers(self._characteristics[handle], self._values[handle]))
        elif op == ops.BLE_ADVERTISE:
            self._spawn(self._advertise(data))
        elif op == ops.BLE_ACTIVE:
            if not data[0]:
                self._spawn(self._deactivate())
        elif op == ops.BLE_DISCONNECT:
            connection = self._device.connections.get(struct.unpack("<H", data)[0])
            if connection is not None:
                self._spawn(connection.disconnect())

    def refuse(self, share: float, burst: int) -> None:
        """Let notifications be refused for want of a buffer: with probability `share`, and up to `burst` in a row."""
        self._refusals = (share, burst)
        self._refusing = 0

    def _out_of_luck(self) -> bool:
        share, burst = self._refusals
        if not self._refusing and self._random.random() < share:
            self._refusing = self._random.randint(1, burst)
        if not self._refusing:
            return False
        self._refusing -= 1
        return True

    def inject(self, uuid: str, value: bytes) -> None:
        """Send every central a value of a characteristic that the firmware never sent. Raises KeyError."""
        characteristic = next((c for c in self._characteristics.values() if c.uuid == UUID(uuid)), None)
        if characteristic is None:
            raise KeyError(f"no characteristic {uuid}")
        indicates = bool(characteristic.properties & gatt.Characteristic.Properties.INDICATE)
        kind = att.ATT_Handle_Value_Indication if indicates else att.ATT_Handle_Value_Notification
        for connection in self._device.connections.values():
            pdu = kind(attribute_handle=characteristic.handle, attribute_value=value)
            self._server.send_gatt_pdu(connection, bytes(pdu))

    def _connection(self, data: bytes) -> Connection:
        connection = self._device.connections.get(struct.unpack_from("<H", data)[0])
        if connection is None:
            raise OSError(errno.ENOTCONN, "not connected")
        return connection

    def _known(self, handle: int) -> None:
        if handle not in self._values:
            raise OSError(errno.EINVAL, f"unknown handle {handle}")

    def _set_config(self, data: bytes) -> bytes:
        for name, value in json.loads(data).items():
            if name not in self._config:
                raise OSError(errno.EINVAL, name)
            self._config[name] = value
        self._server.max_mtu = min(self._config["mtu"], self._mtu_limit)
        return b""

    def _get_config(self, data: bytes) -> bytes:
        name = data.decode()
        if name == "mac":
            return json.dumps(bytes(reversed(bytes(self._device.random_address))).hex()).encode()
        if name not in self._config:
            raise OSError(errno.EINVAL, name)
        return json.dumps(self._config[name]).encode()

    def _register(self, data: bytes) -> bytes:
        handles = []
        for uuid, characteristics in json.loads(data):
            objects = [self._characteristic(*entry) for entry in characteristics]
            self._device.add_service(gatt.Service(UUID(uuid), objects))
            of_service: list[int] = []
            for characteristic in objects:
                of_service.append(characteristic.handle)
                self._characteristics[characteristic.handle] = characteristic
                self._values[characteristic.handle] = b""
                for descriptor in characteristic.descriptors:
                    if descriptor.type != _CCCD:
                        of_service.append(descriptor.handle)
                        self._values[descriptor.handle] = b""
            handles.append(of_service)
        self._protect()
        return json.dumps(handles).encode()

    def _protect(self) -> None:
        """Refuse writes to declarations: bumble would let a central rewrite the table of services."""
        for attribute in self._server.attributes:
            if not attribute.permissions & att.Attribute.WRITEABLE:
                attribute.permissions |= att.Attribute.WRITE_REQUIRES_AUTHORIZATION

    def _characteristic(self, uuid: str, flags: int, descriptors: list[tuple[str, int]]) -> gatt.Characteristic[bytes]:
        characteristic: gatt.Characteristic[bytes] = gatt.Characteristic(
            UUID(uuid),
            gatt.Characteristic.Properties(flags & 0x3F),
            gatt.Characteristic.READABLE | gatt.Characteristic.WRITEABLE,
            descriptors=[
                gatt.Descriptor(UUID(d), gatt.Characteristic.READABLE | gatt.Characteristic.WRITEABLE, b"")
                for d, _flags in descriptors
            ],
        )
        characteristic.value = gatt.CharacteristicValue(
            read=lambda _connection: self._asked(characteristic.handle, flags),
            write=lambda connection, value: self._written(connection, characteristic.handle, flags, value),
        )
        return characteristic

    def _read(self, data: bytes) -> bytes:
        handle = struct.unpack("<H", data)[0]
        self._known(handle)
        value = self._values[handle]
        if self._buffers.get(handle, (0, False))[1]:
            self._values[handle] = b""
        return value

    def _set_buffer(self, data: bytes) -> bytes:
        handle, size, append = struct.unpack("<HHB", data)
        self._known(handle)
        self._buffers[handle] = (size, bool(append))
        return b""

    _CALLS: ClassVar[dict[int, Callable[[Peripheral, bytes], bytes]]] = {
        ops.BLE_CONFIG_SET: _set_config,
        ops.BLE_CONFIG_GET: _get_config,
        ops.BLE_REGISTER: _register,
        ops.BLE_READ: _read,
        ops.BLE_SET_BUFFER: _set_buffer,
    }

    # -- the air

    async def _advertise(self, data: bytes) -> None:
        interval_us, connectable, keep, length = struct.unpack_from("<IBBB", data)
        if interval_us == _STOP:
            await self._device.stop_advertising()
            return
        if not keep:
            self._advertised = (data[7 : 7 + length], data[7 + length :])
        interval_ms = max(MIN_ADVERTISING_MS, interval_us / 1000)
        await self._device.start_advertising(
            advertising_type=(
                AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE
                if connectable
                else AdvertisingType.UNDIRECTED_SCANNABLE
            ),
            advertising_data=self._advertised[0],
            scan_response_data=self._advertised[1],
            advertising_interval_min=interval_ms,
            advertising_interval_max=interval_ms,
        )

    async def _deactivate(self) -> None:
        await self._device.stop_advertising()
        for connection in list(self._device.connections.values()):
            await connection.disconnect()

    def _notify(self, data: bytes) -> None:
        self._accepted -= 1
        number, handle, has_value = struct.unpack_from("<HHB", data)
        connection = self._device.connections.get(number)
        if connection is None:
            return
        value = data[5:] if has_value else self._values[handle]
        pdu = att.ATT_Handle_Value_Notification(
            attribute_handle=handle, attribute_value=value[: connection.att_mtu - 3]
        )
        self._server.send_gatt_pdu(connection, bytes(pdu))

    def _indicate(self, data: bytes) -> None:
        self._accepted -= 1
        number, handle, has_value = struct.unpack_from("<HHB", data)
        connection = self._device.connections.get(number)
        if connection is None:
            return
        value = data[5:] if has_value else self._values[handle]
        pdu = att.ATT_Handle_Value_Indication(attribute_handle=handle, attribute_value=value[: connection.att_mtu - 3])
        self._indicated[connection] = handle
        self._server.send_gatt_pdu(connection, bytes(pdu))

    def _confirmed(self, bearer: att.Bearer, confirmation: att.ATT_Handle_Value_Confirmation) -> None:
        """Not left to bumble, which would go on waiting for a central that has gone, and tell its successor."""
        del confirmation  # it says nothing
        handle = self._indicated.pop(bearer, None)
        if handle is not None and isinstance(bearer, Connection):
            self._emit(ops.IRQ_GATTS_INDICATE_DONE, struct.pack("<HHB", bearer.handle, handle, 0))

    # bumble's server does not look at the permissions to read and write that an attribute has.

    def _asked(self, handle: int, flags: int) -> bytes:
        if not flags & _READABLE_FLAGS:
            raise att.ATT_Error(att.ErrorCode.READ_NOT_PERMITTED, handle)
        return self._values[handle]

    def _written(self, connection: Connection, handle: int, flags: int, value: bytes) -> None:
        if not flags & _WRITEABLE_FLAGS:
            raise att.ATT_Error(att.ErrorCode.WRITE_NOT_PERMITTED, handle)
        if len(value) > connection.att_mtu - 3:
            raise att.ATT_Error(att.ErrorCode.INVALID_ATTRIBUTE_LENGTH, handle)
        size, append = self._buffers.get(handle, (DEFAULT_BUFFER, False))
        before = self._values[handle] if append else b""
        self._values[handle] = (before + value)[:size]
        self._emit(ops.IRQ_GATTS_WRITE, struct.pack("<HH", connection.handle, handle))

    def _on_connection(self, connection: Connection) -> None:
        address = bytes(reversed(bytes(connection.peer_address)))
        who = struct.pack("<HB", connection.handle, int(connection.peer_address.is_random)) + address
        connection.on("disconnection", lambda _reason: self._ended(connection, who))
        connection.on(
            "connection_att_mtu_update",
            lambda: self._emit(ops.IRQ_MTU_EXCHANGED, struct.pack("<HH", connection.handle, connection.att_mtu)),
        )
        connection.on("connection_parameters_update", lambda *_: self._on_parameters(connection))
        self._emit(ops.IRQ_CENTRAL_CONNECT, who)

    def _ended(self, connection: Connection, who: bytes) -> None:
        self._indicated.pop(connection, None)
        self._emit(ops.IRQ_CENTRAL_DISCONNECT, who)

    def _on_parameters(self, connection: Connection) -> None:
        parameters = connection.parameters
        interval = round(parameters.connection_interval / 1.25)
        timeout = round(parameters.supervision_timeout / 10)
        values = (connection.handle, interval, parameters.peripheral_latency, timeout, 0)
        self._emit(ops.IRQ_CONNECTION_UPDATE, struct.pack("<HHHHB", *values))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.debug("%s: %s", self.controller.name, error)
