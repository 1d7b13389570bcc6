"""A bleak backend over a bumble device: plain bleak code then runs on the virtual radio, without knowing.

with bleak_backend.installed(device):
    await bleak.BleakScanner.find_device_by_name("...")
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

import bleak
from bumble.device import Device

from .client import BumbleClient
from .scanner import BumbleScanner

BACKEND_ID = "bumble"
# Where bleak looks up the backend of the platform.
_CHOOSERS = ("get_platform_scanner_backend_type", "get_platform_client_backend_type")

__all__ = ("BACKEND_ID", "BumbleClient", "BumbleScanner", "installed")


def _worth_saying(record: logging.LogRecord) -> bool:
    """Not that something came to which nobody has subscribed: an operating system drops that without a word."""
    return "with no subscriber" not in record.getMessage()


@contextlib.contextmanager
def installed(device: Device) -> Iterator[None]:
    """Let bleak's scanner and client use `device` until the end of the block."""
    scanner = type("Scanner", (BumbleScanner,), {"device": device})
    client = type("Client", (BumbleClient,), {"device": device, "turn": asyncio.Lock()})
    before = {name: vars(bleak)[name] for name in _CHOOSERS}
    for name, backend in zip(_CHOOSERS, (scanner, client), strict=True):
        setattr(bleak, name, lambda backend=backend: (backend, BACKEND_ID))
    chatter = logging.getLogger("bumble.gatt_client")
    chatter.addFilter(_worth_saying)
    try:
        yield
    finally:
        chatter.removeFilter(_worth_saying)
        for name, chooser in before.items():
            setattr(bleak, name, chooser)
