"""Connecting: bleak's client over bumble's GATT client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, TypeVar, cast

from bleak.args import SizedBuffer
from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import att
from bumble.core import BaseBumbleError
from bumble.core import TimeoutError as BumbleTimeoutError
from bumble.device import Connection, ConnectionParametersPreferences, Device, Peer
from bumble.hci import Address, HCI_Error, HCI_LE_Create_Connection_Cancel_Command, Phy

from .uuids import as_text

T = TypeVar("T")

MTU = 247
DEFAULT_MTU = 23
# What desktop systems choose for a generic peripheral.
INTERVAL_MS = 30.0
SUPERVISION_MS = 2000

_PROPERTIES: tuple[tuple[int, CharacteristicPropertyName], ...] = (
    (0x01, "broadcast"),
    (0x02, "read"),
    (0x04, "write-without-response"),
    (0x08, "write"),
    (0x10, "notify"),
    (0x20, "indicate"),
    (0x40, "authenticated-signed-writes"),
    (0x80, "extended-properties"),
)


class BumbleClient(BaseBleakClient):
    """The client backend; `installed` sets `device` and `turn`, `mtu_wanted` may be lowered to play an old central."""

    device: ClassVar[Device]
    turn: ClassVar[asyncio.Lock]
    mtu_wanted: ClassVar[int] = MTU

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        services: set[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout, **kwargs)
        if isinstance(address_or_ble_device, BLEDevice):
            self._target = cast("Address", address_or_ble_device.details)
            self._name = address_or_ble_device.name
        else:
            self._target = Address(self.address)
            self._name = None
        self._wanted_services = services
        self._connection: Connection | None = None
        self._ended = asyncio.Event()
        self._subscribers: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        """See bleak."""
        return self._name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """See bleak."""
        return DEFAULT_MTU if self._connection is None else int(self._connection.att_mtu)

    @property
    def is_connected(self) -> bool:
        """See bleak."""
        return self._connection is not None

    async def connect(self, pair: bool, **_unused: Any) -> None:
        """Connect, agree on an MTU and discover.

        Raises BleakDeviceNotFoundError when the device does not answer in time, BleakError for what else goes wrong.
        """
        if self._connection is not None:
            raise BleakError("already connected")
        try:
            connection = await self._open()
        except (BumbleTimeoutError, TimeoutError) as error:
            raise BleakDeviceNotFoundError(self.address, f"device {self.address} was not found") from error
        except (BaseBumbleError, HCI_Error) as error:
            raise BleakError(f"connecting to {self.address}: {error}") from error
        self._connection = connection
        self._ended = asyncio.Event()
        connection.on("disconnection", self._on_disconnection)
        try:
            await self._prepare(connection, pair=pair)
        except BaseException:
            await self.disconnect()
            raise

    async def _open(self) -> Connection:
        """A connection to the device; a controller opens one at a time, so who comes second waits."""
        preferences = ConnectionParametersPreferences(
            connection_interval_min=INTERVAL_MS, connection_interval_max=INTERVAL_MS, supervision_timeout=SUPERVISION_MS
        )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        async with asyncio.timeout(self._timeout):
            await self.turn.acquire()
        try:
            return await self.device.connect(
                self._target,
                connection_parameters_preferences={Phy.LE_1M: preferences},
                timeout=max(0.0, deadline - loop.time()),
            )
        except asyncio.CancelledError:
            await self._give_up()
            raise
        finally:
            self.turn.release()

    async def _give_up(self) -> None:
        """Leave nothing behind of an attempt to connect: bumble does not call it off when it is cancelled."""
        with contextlib.suppress(HCI_Error):
            await self.device.send_sync_command(HCI_LE_Create_Connection_Cancel_Command())
        for connection in list(self.device.connections.values()):
            if connection.peer_address == self._target:
                await connection.disconnect()

    async def _prepare(self, connection: Connection, *, pair: bool) -> None:
        peer = Peer(connection)
        if pair:
            await self.pair()
        await self._ask(peer.request_mtu(self.mtu_wanted))
        await self._ask(peer.discover_all())  # type: ignore[no-untyped-call]
        self.services = self._collect(peer)

    def _collect(self, peer: Peer) -> BleakGATTServiceCollection:
        collection = BleakGATTServiceCollection()
        for service in peer.services:
            uuid = as_text(service.uuid)
            if self._wanted_services and uuid not in self._wanted_services:
                continue
            bleak_service = BleakGATTService(service, service.handle, uuid)
            collection.add_service(bleak_service)
            for characteristic in service.characteristics:
                properties = [name for bit, name in _PROPERTIES if characteristic.properties & bit]
                bleak_characteristic = BleakGATTCharacteristic(
                    characteristic,
                    characteristic.handle,
                    as_text(characteristic.uuid),
                    properties,
                    lambda: self.mtu_size - 3,
                    bleak_service,
                )
                collection.add_characteristic(bleak_characteristic)
                for descriptor in characteristic.descriptors:
                    collection.add_descriptor(
                        BleakGATTDescriptor(
                            descriptor, descriptor.handle, as_text(descriptor.type), bleak_characteristic
                        )
                    )
        return collection

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = None
        self.services = None
        self._subscribers.clear()
        self._ended.set()
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    async def disconnect(self) -> None:
        """See bleak; returns once the connection has ended."""
        connection = self._connection
        if connection is None:
            return
        try:
            await connection.disconnect()
        except (BaseBumbleError, HCI_Error) as error:
            if self._connection is not None:
                raise BleakError(f"disconnecting: {error}") from error
        await self._ended.wait()

    async def pair(self, *_args: Any, **_kwargs: Any) -> None:
        """See bleak."""
        await self._ask(self._need().pair())

    async def unpair(self) -> None:
        """See bleak."""
        if self.device.keystore is not None:
            await self.device.keystore.delete(self.address)

    def _need(self) -> Connection:
        if self._connection is None:
            raise BleakError("Not connected")
        return self._connection

    async def _ask(self, request: Awaitable[T]) -> T:
        """The answer to a request; bumble's errors become bleak's, and so does a link that ends meanwhile."""
        asked = asyncio.ensure_future(request)
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait((asked, ended), return_when=asyncio.FIRST_COMPLETED)
            if not asked.done() or asked.cancelled():  # bumble cancels what waits when the link ends
                raise BleakError("Not connected")
            return asked.result()
        except att.ATT_Error as error:
            raise BleakGATTProtocolError(int(error.error_code)) from error
        except (BaseBumbleError, HCI_Error, TimeoutError, asyncio.InvalidStateError) as error:
            raise BleakError(str(error) or type(error).__name__) from error
        finally:
            asked.cancel()
            ended.cancel()

    async def read_gatt_char(self, characteristic: BleakGATTCharacteristic, **_unused: Any) -> bytearray:
        """See bleak."""
        self._need()
        return bytearray(await self._ask(characteristic.obj.read_value()))

    async def read_gatt_descriptor(self, descriptor: BleakGATTDescriptor, **_unused: Any) -> bytearray:
        """See bleak."""
        self._need()
        return bytearray(await self._ask(descriptor.obj.read_value()))

    async def write_gatt_char(self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool) -> None:
        """See bleak."""
        self._need()
        await self._ask(characteristic.obj.write_value(bytes(data), with_response=response))

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
        """See bleak."""
        self._need()
        await self._ask(descriptor.obj.write_value(bytes(data), with_response=True))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_unused: Any
    ) -> None:
        """See bleak."""
        self._need()

        def deliver(value: bytes) -> None:
            callback(bytearray(value))

        self._subscribers[characteristic.handle] = deliver
        await self._ask(characteristic.obj.subscribe(deliver))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """See bleak."""
        self._need()
        deliver = self._subscribers.pop(characteristic.handle, None)
        if deliver is not None:
            await self._ask(characteristic.obj.unsubscribe(deliver))
