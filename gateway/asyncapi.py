"""The MQTT contract as an AsyncAPI 3.0 document, made from the models in `messages`."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from .messages import DOWN_KINDS, MESSAGES, ROOT, UP_KINDS, Episode, Epoch, Event, Model, Reminder, Unreadable

_RECORDS: Final = (Epoch, Episode, Reminder, Event, Unreadable)


def document() -> dict[str, Any]:
    """The document as plain data; records, which travel inside `records` rows, are among its schemas."""
    models: list[type[Model]] = [*MESSAGES.values(), *_RECORDS]
    mapping, top = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    directions = {**dict.fromkeys(UP_KINDS, "up"), **dict.fromkeys(DOWN_KINDS, "down")}
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for kind, model in MESSAGES.items():
        messages[kind] = {"contentType": "application/json", "payload": mapping[(model, "validation")]}
        channels[kind] = {
            "address": f"{ROOT}/{{gateway}}/{directions[kind]}/{kind}",
            "parameters": {"gateway": {"description": "the gateway's id, 16 hexadecimal digits; its user name"}},
            "messages": {kind: {"$ref": f"#/components/messages/{kind}"}},
        }
        operations[kind] = {
            "action": "send" if directions[kind] == "up" else "receive",
            "channel": {"$ref": f"#/channels/{kind}"},
            "bindings": {"mqtt": {"qos": 0 if kind == "live" else 1, "retain": kind in ("status", "plan")}},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Plumbline gateway", "version": "1", "description": "Operations are the gateway's."},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": top["$defs"]},
    }


def text() -> str:
    """The document as JSON, keys sorted, so that two versions can be compared line by line."""
    return json.dumps(document(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    print(text(), end="")
