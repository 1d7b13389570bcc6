"""Fields of a plan as a program sends them: any of them, and what the document says of each.

They are read by the plan itself, which says in plain words what is amiss with each; so the types here only describe.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import JsonValue, WithJsonSchema

from gateway import messages
from server.plans.drafts import FIELDS

_SET_BY_THE_SERVER: Final = ("version", "zone")


def _schema() -> dict[str, Any]:
    """The plan's own schema with nothing demanded and no defaults: what is left out stays as it is."""
    whole = messages.Plan.model_json_schema()
    definitions = whole.get("$defs", {})

    def plain(schema: dict[str, Any]) -> dict[str, Any]:
        found = {**schema, **definitions[schema["$ref"].rsplit("/", 1)[1]]} if "$ref" in schema else dict(schema)
        for name in ("$ref", "default", "title", "required"):
            found.pop(name, None)
        if "properties" in found:
            found["properties"] = {name: plain(one) for name, one in found["properties"].items()}
            found["additionalProperties"] = False
        return found

    properties = {name: plain(one) for name, one in whole["properties"].items() if name not in _SET_BY_THE_SERVER}
    return {"type": "object", "properties": properties, "additionalProperties": False}


_SCHEMA: Final = _schema()
_NAMES: Final[dict[str, Any]] = {name: {} for name in FIELDS}

PlanFields = Annotated[dict[str, JsonValue], WithJsonSchema(_SCHEMA)]
DraftFields = Annotated[
    dict[str, JsonValue], WithJsonSchema({"type": "object", "properties": _NAMES, "additionalProperties": False})
]
"""Of a draft, which may be unusable yet."""
TemplateFields = Annotated[
    dict[str, JsonValue],
    WithJsonSchema({**_SCHEMA, "properties": {name: _SCHEMA["properties"][name] for name in FIELDS}}),
]
