"""The air between the controllers: bumble's local link with what a posture clip's firmware would notice mended.

Data goes out at the connection events of its connection, in order; out of range it waits until the supervision timeout
ends the connection on both sides; advertisements can be lost. Timing follows the Bluetooth Core Specification
(Vol 6, Part B, 4.5: connection events, supervision timeout).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Iterator, MutableSet
from typing import Any

from bumble import hci, ll
from bumble.controller import Controller
from bumble.core import PhysicalTransport
from bumble.link import LocalLink

log = logging.getLogger(__name__)

CONNECTION_INTERVAL_S = 0.00125  # unit of the connection interval
SUPERVISION_S = 0.01  # unit of the supervision timeout
PACKETS_PER_EVENT = 6

PacketLog = Callable[[int, str, str, bytes], None]


class Controllers(MutableSet[Controller]):
    """The controllers in the order in which they came: a plain set would be walked in a different order every run."""

    def __init__(self) -> None:
        self._members: dict[Controller, None] = {}

    def __contains__(self, member: object) -> bool:
        return member in self._members

    def __iter__(self) -> Iterator[Controller]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def add(self, value: Controller) -> None:
        """Add at the end."""
        self._members[value] = None

    def discard(self, value: Controller) -> None:
        """Take out if it is there."""
        self._members.pop(value, None)


class _Connection:
    """One connection: who, how often they meet, and what waits for the next meeting."""

    def __init__(self, air: Air, central: Controller, peripheral: Controller, connect: ll.ConnectInd) -> None:
        self.air = air
        self.central = central
        self.peripheral = peripheral
        self.addresses = (connect.initiator_address, connect.advertiser_address)
        self.anchor_s = asyncio.get_running_loop().time()
        self.interval_s = 0.03
        self.timeout_s = 1.0
        self.set_parameters(connect.interval, connect.timeout)
        self.queues: tuple[deque[tuple[Callable[..., None], tuple[Any, ...]]], ...] = (deque(), deque())
        self._event: asyncio.TimerHandle | None = None
        self._supervision: asyncio.TimerHandle | None = None

    def set_parameters(self, interval: int, timeout: int) -> None:
        """Interval in units of 1.25 ms, supervision timeout in units of 10 ms."""
        self.interval_s = (self.air.interval_s or interval * CONNECTION_INTERVAL_S) or 0.03
        self.timeout_s = max(timeout * SUPERVISION_S, 2 * self.interval_s)

    @property
    def in_range(self) -> bool:
        """Whether the two hear each other."""
        return self.air.is_reachable(self.central) and self.air.is_reachable(self.peripheral)

    def put(self, sender: Controller, deliver: Callable[..., None], *args: Any) -> None:
        """Queue one packet for the next connection event."""
        self.queues[0 if sender is self.central else 1].append((deliver, args))
        self._schedule()

    def _schedule(self) -> None:
        if self._event is None and self.in_range and any(self.queues):
            loop = asyncio.get_running_loop()
            passed = int((loop.time() - self.anchor_s) / self.interval_s + 1e-6)
            self._event = loop.call_at(self.anchor_s + (passed + 1) * self.interval_s, self._meet)

    def _meet(self) -> None:
        self._event = None
        if not self.in_range:
            return
        for queue in self.queues:
            for _ in range(min(len(queue), self.air.packets_per_event)):
                deliver, args = queue.popleft()
                deliver(*args)
        self._schedule()

    def range_changed(self) -> None:
        """Start or stop the supervision timer."""
        if self.in_range:
            if self._supervision is not None:
                self._supervision.cancel()
                self._supervision = None
            self._schedule()
        elif self._supervision is None:
            self._supervision = asyncio.get_running_loop().call_later(self.timeout_s, self.lose)

    def lose(self) -> None:
        """End on both sides with "connection timeout" (0x08); what was queued is gone."""
        for controller, peer in ((self.central, self.addresses[1]), (self.peripheral, self.addresses[0])):
            connection = controller.le_connections.get(peer)
            if connection is not None:
                controller.on_le_disconnected(connection, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)
        self.end()

    def end(self) -> None:
        """Forget timers and queues."""
        for timer in (self._event, self._supervision):
            if timer is not None:
                timer.cancel()
        self._event = self._supervision = None
        for queue in self.queues:
            queue.clear()
        self.air.forget(self)


class Air(LocalLink):
    """All controllers within reach of each other.

    Parameters
    ----------
    seed
        Of the losses.
    interval_s
        Connection interval in force whatever the central asks for; 0 leaves the choice to the central.
    adv_loss
        Part of the advertisements that nobody hears, 0 to 1.
    rssi
        Received signal strength in dBm that scanners report.
    """

    def __init__(self, *, seed: int = 0, interval_s: float = 0.0, adv_loss: float = 0.0, rssi: int = -60) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.controllers = Controllers()  # type: ignore[assignment]
        self.interval_s = interval_s
        self.adv_loss = adv_loss
        self.rssi = rssi
        self.packets_per_event = PACKETS_PER_EVENT
        self.packet_log: PacketLog | None = None
        self._random = random.Random(seed)  # noqa: S311 - simulation, not a secret
        self._unreachable: set[Controller] = set()
        self._connections: list[_Connection] = []

    # -- range and loss

    def is_reachable(self, controller: Controller) -> bool:
        """Whether the controller is switched on and in range."""
        return controller not in self._unreachable and controller in self.controllers

    def set_range(self, controller: Controller, reachable: bool) -> None:
        """Take a controller out of everybody's range, or bring it back."""
        (self._unreachable.discard if reachable else self._unreachable.add)(controller)
        self._range_changed(controller)

    def link_loss(self, controller: Controller) -> None:
        """End every connection of a controller at once, as after a supervision timeout."""
        for connection in self._connections_of(controller):
            connection.lose()

    def remove_controller(self, controller: Controller) -> None:
        """Switch a controller off: its peers notice when their supervision timeout has passed."""
        self.controllers.discard(controller)
        self._range_changed(controller)
        self._unreachable.discard(controller)

    def queued(self, sender: Controller) -> int:
        """Packets of a controller that wait for a connection event."""
        return sum(len(c.queues[0 if sender is c.central else 1]) for c in self._connections_of(sender))

    def forget(self, connection: _Connection) -> None:
        """Take an ended connection off the list."""
        if connection in self._connections:
            self._connections.remove(connection)

    def _range_changed(self, controller: Controller) -> None:
        for connection in self._connections_of(controller):
            connection.range_changed()

    def _connections_of(self, controller: Controller) -> list[_Connection]:
        return [c for c in self._connections if controller in (c.central, c.peripheral)]

    def _find(self, a: hci.Address, b: hci.Address) -> _Connection | None:
        for connection in self._connections:
            if connection.addresses in ((a, b), (b, a)):
                return connection
        return None

    # -- what the controllers call

    def send_advertising_pdu(self, sender_controller: Controller, packet: ll.AdvertisingPdu) -> None:
        """Carry an advertisement to every scanner in range, or a connection request to the one meant."""
        if isinstance(packet, ll.ConnectInd):
            self._connect(sender_controller, packet)
            return
        if not self.is_reachable(sender_controller) or self._random.random() < self.adv_loss:
            return
        # Not called here and now: bumble's advertiser would set its timer again after the connection has stopped it.
        loop = asyncio.get_running_loop()
        for controller in self.controllers:
            if controller is not sender_controller and self.is_reachable(controller):
                loop.call_soon(controller.on_ll_advertising_pdu, packet)

    def _connect(self, central: Controller, request: ll.ConnectInd) -> None:
        peripheral = self.find_le_controller(request.advertiser_address)
        if peripheral is None:
            return
        connection = _Connection(self, central, peripheral, request)
        self._connections.append(connection)
        self._log(central, peripheral, b"\x00connect")
        peripheral.on_ll_advertising_pdu(request)
        if not connection.in_range or request.initiator_address not in peripheral.le_connections:
            connection.range_changed()

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """Queue data for the connection's next event; without a connection it is lost, as in the air."""
        connection = self._find(sender_controller.random_address, destination_address)
        if connection is None:
            return
        receiver = connection.peripheral if sender_controller is connection.central else connection.central
        connection.put(sender_controller, self._deliver_data, sender_controller, receiver, transport, data)

    def _deliver_data(
        self, sender: Controller, receiver: Controller, transport: PhysicalTransport, data: bytes
    ) -> None:
        self._log(sender, receiver, data)
        if sender.random_address in receiver.le_connections:
            receiver.on_link_acl_data(sender.random_address, transport, data)

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """Queue a control packet behind the data of its connection."""
        connection = self._find(sender_address, receiver_address)
        if connection is None:
            return
        from_central = sender_address == connection.addresses[0]
        sender, receiver = (
            (connection.central, connection.peripheral) if from_central else (connection.peripheral, connection.central)
        )
        connection.put(sender, self._deliver_control, connection, sender, receiver, sender_address, packet)

    def _deliver_control(
        self,
        connection: _Connection,
        sender: Controller,
        receiver: Controller,
        sender_address: hci.Address,
        packet: ll.ControlPdu,
    ) -> None:
        self._log(sender, receiver, b"\x01" + type(packet).__name__.encode())
        if isinstance(packet, ll.ConnectionUpdateInd):
            connection.set_parameters(packet.interval, packet.timeout)
        if sender_address in receiver.le_connections:
            receiver.on_ll_control_pdu(sender_address, packet)
        if isinstance(packet, ll.TerminateInd):
            connection.end()

    def _log(self, sender: Controller, receiver: Controller, data: bytes) -> None:
        if self.packet_log is not None:
            now_us = round(asyncio.get_running_loop().time() * 1_000_000)
            self.packet_log(now_us, sender.name, receiver.name, data)
