"""What the virtual radio needs of bumble's insides is there: they are no public interface, and may move."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import bleak
import pytest
from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner
from bumble import controller, gatt_server, hci, link, ll
from bumble.core import PhysicalTransport

from firmware.virtual.air import Air
from firmware.virtual.bleak_backend import BumbleClient, BumbleScanner
from firmware.virtual.controller import VirtualController


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize(
    "name",
    ["add_controller", "find_le_controller", "send_advertising_pdu", "send_acl_data", "send_ll_control_pdu"],
)
def test_the_link_has_what_is_overridden_or_called(name: str) -> None:
    assert parameters(getattr(link.LocalLink, name)) == parameters(getattr(Air, name))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("send_hci_packet", ["self", "packet"]),
        ("on_hci_le_create_connection_cancel_command", ["self", "_command"]),
        ("on_ll_advertising_pdu", ["self", "packet"]),
        ("on_ll_control_pdu", ["self", "sender_address", "packet"]),
        ("on_link_acl_data", ["self", "sender_address", "transport", "data"]),
        ("on_le_disconnected", ["self", "connection", "reason"]),
        ("on_packet", ["self", "packet"]),
    ],
)
def test_the_controller_has_what_is_overridden_or_called(name: str, expected: list[str]) -> None:
    assert parameters(getattr(controller.Controller, name)) == expected


async def test_the_controller_keeps_what_is_read() -> None:
    air = Air()
    made = VirtualController("c", air)
    assert isinstance(made.le_connections, dict)
    assert isinstance(made.advertising_sets, dict)
    assert made.pending_le_connection is None
    assert isinstance(made.le_legacy_advertiser, controller.LegacyAdvertiser)
    assert {"enabled", "address", "scan_response_data"} <= set(dir(made.le_legacy_advertiser))
    fields = set(controller.AdvertisingSet.__dataclass_fields__)
    assert {"enabled", "scan_response_data", "timer_handle"} <= fields
    assert list(air.controllers) == [made]
    assert controller.Controller.le_acl_data_packet_length == 27, "bumble has begun to know the data length extension"
    assert PhysicalTransport.LE is not None


def test_packets_have_the_fields_that_are_used() -> None:
    assert {"initiator_address", "advertiser_address", "interval", "timeout"} <= set(ll.ConnectInd.__dataclass_fields__)
    assert {"interval", "timeout"} <= set(ll.ConnectionUpdateInd.__dataclass_fields__)
    assert issubclass(ll.TerminateInd, ll.ControlPdu)
    kinds = hci.HCI_LE_Extended_Advertising_Report_Event.EventType
    assert kinds.SCAN_RESPONSE
    assert kinds.SCANNABLE_ADVERTISING


def test_the_server_has_what_is_called() -> None:
    assert parameters(gatt_server.Server.send_gatt_pdu) == ["self", "bearer", "pdu"]
    assert parameters(gatt_server.Server.on_att_handle_value_confirmation) == ["self", "bearer", "confirmation"]


@pytest.mark.parametrize(("ours", "base"), [(BumbleClient, BaseBleakClient), (BumbleScanner, BaseBleakScanner)])
def test_the_backend_implements_everything_that_bleak_asks_for(ours: type, base: type) -> None:
    assert inspect.isabstract(base)
    assert not inspect.isabstract(ours)


def test_bleak_looks_up_its_backends_where_they_are_replaced() -> None:
    for name in ("get_platform_scanner_backend_type", "get_platform_client_backend_type"):
        assert callable(vars(bleak)[name])
