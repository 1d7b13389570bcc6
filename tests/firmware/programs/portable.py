"""Bytes in JSON, the same on both interpreters: an object {"hex": ...}."""


def from_json(value):
    if isinstance(value, dict):
        if list(value) == ["hex"]:
            text = value["hex"]
            return bytes([int(text[i : i + 2], 16) for i in range(0, len(text), 2)])
        return {key: from_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_json(item) for item in value]
    return value


def to_json(value):
    if isinstance(value, (bytes, bytearray)):
        return {"hex": bytes(value).hex()}
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value
