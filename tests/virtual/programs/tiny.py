"""A small firmware: a counter that is notified, a control point, an indication, the sensor's registers."""

import asyncio
import struct
import time

import bluetooth
import machine

SERVICE = "7d1e1001-52a4-4c1b-9f0e-6b1c8a3d7e20"
STREAM = "7d1e1002-52a4-4c1b-9f0e-6b1c8a3d7e20"
CONTROL = "7d1e1003-52a4-4c1b-9f0e-6b1c8a3d7e20"
EVENT = "7d1e1004-52a4-4c1b-9f0e-6b1c8a3d7e20"

ble = bluetooth.BLE()
ble.active(True)
ble.config(gap_name="tiny", mtu=247)
((stream, control, event),) = ble.gatts_register_services(
    (
        (
            bluetooth.UUID(SERVICE),
            (
                (bluetooth.UUID(STREAM), bluetooth.FLAG_NOTIFY | bluetooth.FLAG_READ),
                (bluetooth.UUID(CONTROL), bluetooth.FLAG_WRITE | bluetooth.FLAG_READ),
                (bluetooth.UUID(EVENT), bluetooth.FLAG_INDICATE),
            ),
        ),
    )
)
ble.gatts_set_buffer(control, 100)
connection = None
writes = []
refused = 0


def advertise():
    name = b"tiny"
    adv = b"\x02\x01\x06" + bytes([len(name) + 1, 9]) + name
    ble.gap_advertise(100000, adv, resp_data=b"\x11\x07" + bytes(bluetooth.UUID(SERVICE)))


def irq(number, data):
    global connection
    print("irq", number, time.ticks_ms(), data[0])
    if number == 1:
        connection = data[0]
    elif number == 2:
        connection = None
        advertise()
    elif number == 3:
        writes.append(ble.gatts_read(data[1]))


async def notify(n, size, pause_ms):
    global refused
    sent = 0
    while sent < n and connection is not None:
        try:
            ble.gatts_notify(connection, stream, struct.pack("<II", sent, time.ticks_ms()) + bytes(size - 8))
            sent += 1
        except OSError as error:
            if error.args[0] != 12:
                raise
            refused += 1
            await asyncio.sleep_ms(10)
        if pause_ms:
            await asyncio.sleep_ms(pause_ms)


async def main():
    i2c = machine.I2C(0)
    print("who", i2c.readfrom_mem(0x6A, 0x0F, 1), i2c.scan(), machine.unique_id(), machine.ADC(2).read_uv())
    ble.irq(irq)
    advertise()
    while True:
        while writes:
            command = writes.pop(0)
            if command[:1] == b"N":
                asyncio.create_task(notify(*struct.unpack("<HHH", command[1:7])))
            elif command[:1] == b"I":
                ble.gatts_indicate(connection, event, command[1:])
            elif command[:1] == b"D":
                ble.gap_disconnect(connection)
            elif command[:1] == b"R":
                machine.reset()
            elif command[:1] == b"S":
                ble.gatts_write(stream, struct.pack("<II", refused, time.ticks_ms()))
        await asyncio.sleep_ms(40)


asyncio.run(main())
