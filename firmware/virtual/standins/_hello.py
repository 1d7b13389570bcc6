# Connects with the radio, once.
import json
import socket
import struct

import _radio

_HELLO = 1


def connect(address, token):
    host, port = address.split(":")
    sock = _radio._sock = socket.socket()
    sock.connect(socket.getaddrinfo(host, int(port))[0][-1])
    try:
        sock.setsockopt(6, 1, struct.pack("i", 1))  # IPPROTO_TCP, TCP_NODELAY
    except (OSError, TypeError, NotImplementedError):
        pass
    _radio._send(_HELLO, json.dumps({"name": "clip", "token": token}).encode())
    _radio.settings.update(json.loads(_radio._next()[1]))
    _radio._boot_us = _radio.settings["boot_us"]
    _radio.now_ms = 0
