"""Operations that the stand-ins on a clip call, and the events that the radio sends to them.

The stand-ins carry the same numbers: MicroPython cannot import this package.
"""

BLE_CONFIG_SET = 0x02  # JSON
BLE_CONFIG_GET = 0x03  # name -> JSON
BLE_ADVERTISE = 0x04  # interval u32 us (0xFFFFFFFF: stop) | connectable u8 | keep u8 | adv length u8, adv | response
BLE_DISCONNECT = 0x05  # connection u16
BLE_REGISTER = 0x06  # JSON services -> JSON handles
BLE_WRITE = 0x07  # handle u16 | send update u8 | value
BLE_READ = 0x08  # handle u16 -> value
BLE_NOTIFY = 0x09  # connection u16 | handle u16 | has value u8 | value
BLE_INDICATE = 0x0A  # as notify
BLE_SET_BUFFER = 0x0B  # handle u16 | size u16 | append u8
BLE_ACTIVE = 0x0C  # on u8

I2C_READ_MEMORY = 0x20  # address u8 | register u8 | n u16 -> bytes
I2C_WRITE_MEMORY = 0x21  # address u8 | register u8 | bytes
I2C_SCAN = 0x22  # -> addresses
I2C_READ = 0x23  # address u8 | n u16 -> bytes
I2C_WRITE = 0x24  # address u8 | bytes

ADC_READ = 0x30  # pin u8 -> microvolts u32
PIN_READ = 0x31  # pin u8 -> level u8
PIN_WATCH = 0x32  # pin u8 | trigger u8: 1 rising, 2 falling edge
URANDOM = 0x33  # n u16 -> bytes
RESET = 0x34  # cause u8: the interpreter is about to end, start it again; machine.reset_cause() will say so
PRINT = 0x35  # text, for the console
PIN_WRITE = 0x36  # pin u8 | level u8

EVENT_PIN = 0x60  # pin u8 | level u8
IRQ_CENTRAL_CONNECT = 1
IRQ_CENTRAL_DISCONNECT = 2
IRQ_GATTS_WRITE = 3
IRQ_GATTS_INDICATE_DONE = 20
IRQ_MTU_EXCHANGED = 21
IRQ_CONNECTION_UPDATE = 27
