"""Pairing with a clip whose button was held: a key that only this gateway and that clip know.

Both draw a key pair for the occasion (X25519, RFC 7748) and derive the key from what only they can compute; then each
proves to the other that it has it, and the clip keeps it. See the README of `firmware` for what that keeps out.
"""

from __future__ import annotations

from typing import Final

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from firmware.clip import protocol
from gateway.link import Link, LinkError
from gateway.radio import Gatt, RadioError, errors_of, short_uuid
from gateway.scanning import SCAN

wire = protocol.pairing
uuids = protocol.uuids

SERIAL_DIGITS: Final = 16


class PairingError(Exception):
    """The clip was not paired; the message says why."""


def wants_gateway(data: AdvertisementData) -> bool:
    """Whether an advertisement is that of a clip that may be paired now."""
    return data.manufacturer_data.get(uuids.COMPANY) == uuids.PAIRING_DATA


async def find(timeout_s: float) -> BLEDevice | None:
    """Listen for a clip that may be paired now, None when none was heard. Strangers' clips are not connected to.

    Raises RadioError when there is no usable Bluetooth adapter.
    """
    async with errors_of(SCAN):
        return await BleakScanner.find_device_by_filter(
            lambda _, data: wants_gateway(data), timeout_s, service_uuids=[uuids.SERVICE]
        )


async def pair(gatt: Gatt, gateway: bytes) -> tuple[str, bytes]:
    """Serial and key of the clip on the other side, once both sides have proved that they have it; `gateway` is this
    one's id of 8 bytes. What the clip knew of that id before is gone.

    Raises PairingError.
    """
    try:
        await gatt.secure()
        serial = (await gatt.read(short_uuid(uuids.SERIAL))).decode("ascii", "replace").strip("\0 ")
        if len(serial) != SERIAL_DIGITS:
            raise PairingError("this is not a clip: it has no serial")
        link = Link(gatt, serial=serial, key=b"", gateway=gateway, utc_ms=lambda: 0, on_malformed=lambda *_: None)
        private = X25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
        theirs, confirmation = await link.ask_for_key(public)
        try:
            secret = private.exchange(X25519PublicKey.from_public_bytes(theirs))
        except ValueError as error:
            raise PairingError("the clip's public key is of no use") from error
        key = wire.derive(secret, gateway, serial, public, theirs)
        if not protocol.auth.same(wire.confirmation(key), confirmation):
            raise PairingError("the clip has found another key: somebody may have come between")
        link.key = key
        await link.authenticate()
    except (LinkError, RadioError) as error:
        raise PairingError(str(error)) from error
    return serial, key
