"""Byte layouts of the Bluetooth contract, a file a concept; `protocol` is their public face."""
