"""The Bluetooth edge: find a clip and connect to it. Everything above sees only `Gatt` and `Radio`.

An attempt to connect is one attempt: when to try again is the session's to say, where the waits are seen, tested and
reset. A connector that retries by itself (bleak-retry-connector) would wait within one state, by chances of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from firmware.clip import protocol
from gateway.backoff import CHANCE, Chance
from gateway.manners import Manners
from gateway.scanning import ScanError, Scanner

CONNECT_S: Final = 20.0
CLOSE_S: Final = 5.0
SECURE_S: Final = 5.0
STRANGERS: Final = 64
SMALLEST_MTU: Final = 23

logger = logging.getLogger(__name__)


class RadioError(Exception):
    """The radio did not do what was asked: out of range, switched off, link lost."""


class RadioOffError(RadioError):
    """There is no usable Bluetooth: no adapter, switched off, no permission."""


class Gatt(Protocol):
    """A connected peripheral."""

    @property
    def lost(self) -> asyncio.Event:
        """Set when the link is gone."""

    @property
    def mtu(self) -> int:
        """What both sides have agreed on: a message has 3 bytes less. Raises RadioError."""

    async def secure(self) -> bool:
        """Encrypt the link, if both stacks can (LE Secure Connections); whether it is. Never raises RadioError."""

    async def read(self, uuid: str) -> bytes:
        """Value of a characteristic. Raises RadioError."""

    async def write(self, uuid: str, data: bytes) -> None:
        """Write with response. Raises RadioError."""

    async def subscribe(self, uuid: str, callback: Callable[[bytes], None]) -> None:
        """Call `callback` with every notification or indication. Raises RadioError."""

    async def close(self) -> None:
        """Disconnect; never raises."""


class Radio(Protocol):
    """Where clips are found."""

    async def find(self, serial: str, timeout_s: float) -> object | None:
        """A handle of the clip with this serial (or one that may be it), None when it was not heard.

        Raises RadioOffError when there is no usable Bluetooth.
        """

    def hasten(self) -> None:
        """Look at once for whatever is looked for: the computer woke up."""

    async def connect(self, handle: object) -> Gatt:
        """Connect to what `find` gave. Raises RadioError."""

    def not_this(self, serial: str, handle: object) -> None:
        """What `find` gave for `serial` turned out to be another clip."""


def short_uuid(number: int) -> str:
    """The 128-bit form of a 16-bit UUID of the Bluetooth SIG."""
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


class BleakGatt:
    """A clip connected through bleak."""

    def __init__(self, device: BLEDevice) -> None:
        self.lost = asyncio.Event()
        self._client = BleakClient(device, self._on_disconnect, timeout=CONNECT_S)

    def _on_disconnect(self, _: BleakClient) -> None:
        self.lost.set()

    async def open(self) -> None:
        """Connect. Raises RadioError."""
        try:
            async with errors_of("connect"), asyncio.timeout(CONNECT_S):
                await self._client.connect()
        except RadioError:
            await self.close()
            raise

    @property
    def mtu(self) -> int:
        """See Gatt. Asked of the characteristic, because the client's own figure is a guess on some systems."""
        try:
            control = self._client.services.get_characteristic(protocol.uuids.CONTROL)
        except BleakError as error:
            raise RadioError(f"cannot write: {error}") from error
        return SMALLEST_MTU if control is None else max(SMALLEST_MTU, control.max_write_without_response_size + 3)

    async def secure(self) -> bool:
        """See Gatt."""
        try:
            async with errors_of("encrypt"), asyncio.timeout(SECURE_S):
                await self._client.pair()
        except (RadioError, NotImplementedError) as error:
            logger.debug("%s", error)
            return False
        return True

    async def read(self, uuid: str) -> bytes:
        """See Gatt."""
        async with errors_of("read"):
            return bytes(await self._client.read_gatt_char(uuid))

    async def write(self, uuid: str, data: bytes) -> None:
        """See Gatt."""
        async with errors_of("write"):
            await self._client.write_gatt_char(uuid, data, response=True)

    async def subscribe(self, uuid: str, callback: Callable[[bytes], None]) -> None:
        """See Gatt."""

        def on_data(_: BleakGATTCharacteristic, data: bytearray) -> None:
            callback(bytes(data))

        async with errors_of("subscribe"):
            await self._client.start_notify(uuid, on_data)

    async def close(self) -> None:
        """See Gatt."""
        try:
            async with errors_of("disconnect"), asyncio.timeout(CLOSE_S):
                await self._client.disconnect()
        except RadioError as error:
            logger.debug("%s", error)


class BleakRadio:
    """The computer's Bluetooth, through bleak. One scan for all, or one connection attempt, at a time."""

    def __init__(self, random: Chance = CHANCE) -> None:
        """`random`: of the pauses between scans."""
        self._busy = asyncio.Lock()
        self._scanner = Scanner(self._busy, random)
        self._manners: dict[str, Manners] = {}
        self._strangers: dict[str, set[str]] = {}  # serial wanted -> addresses that were other clips

    async def find(self, serial: str, timeout_s: float) -> BLEDevice | None:
        """Listen for a clip that advertises the service and, where it says one, the name of `serial`.

        Raises RadioOffError when there is no usable Bluetooth adapter.
        """
        name = protocol.uuids.NAME_PREFIX + serial[-4:]
        strangers = self._strangers.setdefault(serial, set())
        manners = self._manners.setdefault(serial, Manners())
        now_s = asyncio.get_running_loop().time
        manners.look(now_s())

        def matches(device: BLEDevice, data: AdvertisementData) -> bool:
            if device.address in strangers:
                return False
            if data.local_name is not None and data.local_name != name:
                return False
            if data.local_name is None and protocol.uuids.SERVICE not in data.service_uuids:
                return False
            pairing = data.manufacturer_data.get(protocol.uuids.COMPANY) == protocol.uuids.PAIRING_DATA
            return not manners.leaves(now_s(), pairing=pairing)

        try:
            found = await self._scanner.find(serial, matches, timeout_s)
        except ScanError as error:
            raise RadioOffError(str(error)) from error
        if found is not None:
            manners.found()
        return found

    def hasten(self) -> None:
        """See Radio."""
        self._scanner.hasten()

    async def connect(self, handle: object) -> BleakGatt:
        """See Radio."""
        assert isinstance(handle, BLEDevice)  # noqa: S101  (what `find` gave)
        gatt = BleakGatt(handle)
        async with self._busy:
            await gatt.open()
        return gatt

    def not_this(self, serial: str, handle: object) -> None:
        """See Radio."""
        assert isinstance(handle, BLEDevice)  # noqa: S101  (what `find` gave)
        strangers = self._strangers.setdefault(serial, set())
        if len(strangers) >= STRANGERS:
            strangers.clear()
        strangers.add(handle.address)


@asynccontextmanager
async def errors_of(what: str) -> AsyncIterator[None]:
    """Everything a backend may raise becomes a RadioError."""
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # A backend gave up its own request when the link was lost; nobody cancelled us.
        raise RadioError(f"cannot {what}: link lost") from error
    except (BleakError, OSError, TimeoutError, EOFError) as error:
        raise RadioError(f"cannot {what}: {error or type(error).__name__}") from error
