"""Says what a board says: pins, buses, random bytes, the file system, the watchdog."""

import asyncio
import os
import time

import machine

i2c = machine.I2C(0, sda=machine.Pin(6), scl=machine.Pin(7), freq=400000)
print("scan", i2c.scan())
print("who", i2c.readfrom_mem(0x6A, 0x0F, 1))
i2c.writeto(0x6A, b"\x0f")
print("plain", i2c.readfrom(0x6A, 1))
two = bytearray(2)
i2c.readfrom_mem_into(0x6A, 0x0F, memoryview(two)[:1])
print("into", bytes(two))
i2c.readfrom_into(0x6A, memoryview(two)[1:])
print("into", bytes(two))
try:
    i2c.readfrom_mem(0x11, 0, 1)
except OSError as error:
    print("absent", error.args[0])
try:
    i2c.readfrom_mem(0x6A, 0x7F, 9)
except OSError as error:
    print("beyond", error.args[0])
adc = machine.ADC(machine.Pin(2))
print("adc", adc.read_uv(), adc.read_u16())
print("id", machine.unique_id())
print("random", os.urandom(8), len(os.urandom(300)))

led = machine.Pin(10, machine.Pin.OUT, value=1)
print("led", led.value(), led())
led.off()
print("led", led.value())

with open("kept.txt", "a") as file:
    file.write("x")
with open("kept.txt") as file:
    print("kept", file.read(), "kept.txt" in os.listdir())

print("sleep", time.ticks_ms(), time.ticks_us(), time.time())
time.sleep_ms(1500)
time.sleep_us(250)
time.sleep(0.5)
print("slept", time.ticks_ms(), time.ticks_us(), time.time(), time.ticks_diff(5, 2**30 - 5), time.ticks_add(0, -1))

edges = []


async def main():
    # The sensor's watermark interrupt: 8 words, so every 4 samples at 104 Hz.
    for register, value in ((0x12, 0x44), (0x10, 0x4C), (0x11, 0x48), (0x07, 8), (0x09, 0x44), (0x0A, 6), (0x0D, 8)):
        i2c.writeto_mem(0x6A, register, bytes([value]))
    flag = asyncio.ThreadSafeFlag()
    int1 = machine.Pin(4, machine.Pin.IN)

    def edge(pin):
        edges.append(time.ticks_ms())
        flag.set()

    int1.irq(handler=edge, trigger=machine.Pin.IRQ_RISING)
    began = time.ticks_ms()
    for _ in range(5):
        await flag.wait()
        level, _ = i2c.readfrom_mem(0x6A, 0x3A, 2)
        words = i2c.readfrom_mem(0x6A, 0x78, 7 * level)
        print("edge", time.ticks_ms() - began, level, int1.value(), words[0] >> 3, words[7] >> 3)
    int1.irq(handler=None)

    wdt = machine.WDT(timeout=2000)
    for _ in range(4):
        await asyncio.sleep_ms(1500)
        wdt.feed()
    print("fed", time.ticks_ms())
    await asyncio.sleep_ms(100000)
    print("never")


asyncio.run(main())
