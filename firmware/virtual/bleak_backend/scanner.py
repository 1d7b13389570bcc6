"""Scanning: bumble's advertisement reports as bleak's."""

from __future__ import annotations

from typing import Any, ClassVar

from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement, Device

from .uuids import as_text

_UUID_LISTS = (
    AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
)
_SERVICE_DATA = (AdvertisingData.SERVICE_DATA_16_BIT_UUID, AdvertisingData.SERVICE_DATA_128_BIT_UUID)


class BumbleScanner(BaseBleakScanner):
    """bleak's scanner backend; `device` is set by `installed`."""

    device: ClassVar[Device]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str,
        **_unused: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._active = scanning_mode == "active"

    async def start(self) -> None:
        """Start scanning; several scanners share the one radio."""
        self.seen_devices = {}
        self.device.on("advertisement", self._on_advertisement)
        if not self.device.is_scanning:
            await self.device.start_scanning(active=self._active, filter_duplicates=False)

    async def stop(self) -> None:
        """Stop scanning, if nobody else does."""
        self.device.remove_listener("advertisement", self._on_advertisement)
        if self.device.is_scanning and not self.device.listeners("advertisement"):
            await self.device.stop_scanning()

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        data = convert(advertisement)
        if not self.is_allowed_uuid(data.service_uuids):
            return
        address = advertisement.address.to_string(with_type_qualifier=False)
        device = self.create_or_update_device(address, address, data.local_name, advertisement.address, data)
        self.call_detection_callbacks(device, data)


def _typed(data: AdvertisingData, kind: AdvertisingData.Type) -> Any:
    """The fields of one kind; bumble gives each kind its own type."""
    return data.get_all(kind)


def convert(advertisement: Advertisement) -> AdvertisementData:
    """A report of bumble's as one of bleak's."""
    data = advertisement.data
    service_data: list[tuple[UUID, bytes]] = [entry for kind in _SERVICE_DATA for entry in _typed(data, kind)]
    service_uuids: list[list[UUID]] = [entry for kind in _UUID_LISTS for entry in _typed(data, kind)]
    name = data.get(AdvertisingData.COMPLETE_LOCAL_NAME) or data.get(AdvertisingData.SHORTENED_LOCAL_NAME)
    tx_power = data.get(AdvertisingData.TX_POWER_LEVEL)
    return AdvertisementData(
        local_name=name if isinstance(name, str) else None,
        manufacturer_data={
            int(company): bytes(value) for company, value in _typed(data, AdvertisingData.MANUFACTURER_SPECIFIC_DATA)
        },
        service_data={as_text(uuid): bytes(value) for uuid, value in service_data},
        service_uuids=[as_text(uuid) for uuids in service_uuids for uuid in uuids],
        tx_power=tx_power if isinstance(tx_power, int) else None,
        rssi=advertisement.rssi,
        platform_data=(advertisement,),
    )
