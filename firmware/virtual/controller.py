"""A bumble controller with the gaps mended that a gateway would run into."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bumble import hci
from bumble.controller import Controller

if TYPE_CHECKING:
    from .air import Air

ACL_LENGTH = 251  # payload of a data packet with the data length extension


class VirtualController(Controller):
    """A controller on the virtual air: real scan responses and RSSI, and a cancel that completes.

    `air` must be set before the controller is used; it is the link it was made with.
    """

    le_acl_data_packet_length = ACL_LENGTH

    def __init__(self, name: str, air: Air, host_sink: Any = None) -> None:
        self.air = air
        super().__init__(name, host_sink=host_sink, link=air)

    def scan_response_of(self, address: hci.Address) -> bytes:
        """Scan response that the advertiser at `address` answers with."""
        for controller in self.air.controllers:
            legacy = controller.le_legacy_advertiser
            if legacy.enabled and legacy.address == address:
                return bytes(legacy.scan_response_data)
            for advertising_set in controller.advertising_sets.values():
                if advertising_set.enabled and advertising_set.address == address:
                    return bytes(advertising_set.scan_response_data)
        return b""

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Send to the host; advertising reports get the scan response and the signal strength that belong in them."""
        if isinstance(packet, hci.HCI_LE_Extended_Advertising_Report_Event):
            packet = self._mend(packet)
        super().send_hci_packet(packet)

    def _mend(self, event: hci.HCI_LE_Extended_Advertising_Report_Event) -> hci.HCI_Packet:
        kinds = hci.HCI_LE_Extended_Advertising_Report_Event.EventType
        for report in event.reports:
            report.rssi = self.air.rssi
            if report.event_type & kinds.SCAN_RESPONSE:
                report.data = self.scan_response_of(report.address)
            else:
                report.event_type |= kinds.SCANNABLE_ADVERTISING
        # A new event, because the old one keeps the bytes it was first packed to.
        return hci.HCI_LE_Extended_Advertising_Report_Event(event.reports)

    def on_hci_le_create_connection_cancel_command(
        self, command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Give up the pending connection and say so (Core Specification Vol 4, Part E, 7.8.13)."""
        answer = super().on_hci_le_create_connection_cancel_command(command)
        if self.pending_le_connection is not None:
            self.pending_le_connection = None
            event = hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=hci.Address.RANDOM_DEVICE_ADDRESS,
                peer_address=hci.Address.ANY,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
            asyncio.get_running_loop().call_soon(self.send_hci_packet, event)
        return answer
