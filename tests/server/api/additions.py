"""What programs that were written against one OpenAPI document would miss in another.

Answers may gain fields, requests may not demand new ones; what could be sent can still be sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_AT_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems")


def lost(old: Schema, new: Schema) -> list[str]:
    """Every loss in words; empty when everything new is an addition."""
    return list(dict.fromkeys(_Comparison(old, new).operations()))


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old
        self._new = new
        self._seen: set[tuple[str, str, str]] = set()

    def operations(self) -> Iterator[str]:
        for path, item in self._old["paths"].items():
            for method, before in item.items():
                name = f"{method.upper()} {path}"
                after = self._new["paths"].get(path, {}).get(method)
                if after is None:
                    yield f"{name} is gone"
                else:
                    yield from self._operation(name, before, after)
        yield from self._schemes()

    def _schemes(self) -> Iterator[str]:
        """How one shows who one is: under what name, and where."""
        schemes = [it.get("components", {}).get("securitySchemes", {}) for it in (self._old, self._new)]
        for key, before in schemes[0].items():
            after = schemes[1].get(key, {})
            for part in ("type", "scheme", "in", "name"):
                if before.get(part) != after.get(part):
                    yield f"the security scheme {key} was {part} {before.get(part)} and is {after.get(part)}"

    def _operation(self, name: str, before: Schema, after: Schema) -> Iterator[str]:
        yield from self._parameters(name, before, after)
        yield from _security(name, before.get("security", [{}]), after.get("security", [{}]))
        if before.get("operationId") != after.get("operationId"):
            yield f"{name} is called {after.get('operationId')}: programs that are made from the document miss it"
        sent, wanted = _content(before.get("requestBody")), _content(after.get("requestBody"))
        for kind, schema in sent.items():
            if kind not in wanted:
                yield f"{name} no longer takes {kind}"
            else:
                yield from self._schema(f"{name}: what is sent", schema, wanted[kind], "sent")
        if after.get("requestBody", {}).get("required") and not before.get("requestBody", {}).get("required"):
            yield f"{name} now demands a body"
        for code, answer in before["responses"].items():
            if code.startswith("2"):
                yield from self._answer(name, code, answer, after["responses"].get(code))

    def _answer(self, name: str, code: str, before: Schema, after: Schema | None) -> Iterator[str]:
        if after is None:
            yield f"{name} no longer gives answer {code}"
            return
        for header in before.get("headers", {}):
            if header not in after.get("headers", {}):
                yield f"{name}: the answer's header {header} is gone"
        for kind, schema in _content(before).items():
            if kind not in _content(after):
                yield f"{name} no longer answers {kind}"
            else:
                yield from self._schema(f"{name}: the answer", schema, _content(after)[kind], "answered")

    def _parameters(self, name: str, before: Schema, after: Schema) -> Iterator[str]:
        had = {(one["in"], one["name"]): one for one in before.get("parameters", ())}
        has = {(one["in"], one["name"]): one for one in after.get("parameters", ())}
        for key, parameter in had.items():
            if key not in has:
                yield f"{name} no longer takes the parameter {key[1]}"
            else:
                yield from self._schema(f"{name}: {key[1]}", parameter["schema"], has[key]["schema"], "sent")
        for key, parameter in has.items():
            if parameter.get("required") and not had.get(key, {}).get("required"):
                yield f"{name} now demands the parameter {key[1]}"

    def _schema(self, where: str, before: Schema, after: Schema, way: str) -> Iterator[str]:
        """`way` is "sent" for what programs send, "answered" for what they get."""
        key = (before.get("$ref", ""), after.get("$ref", ""), way)
        if key[0]:
            if key in self._seen:
                return
            self._seen.add(key)
        before, after = _resolved(self._old, before), _resolved(self._new, after)
        if "anyOf" in before or "anyOf" in after:
            yield from self._alternatives(where, before, after, way)
            return
        kinds = {_kind(before), _kind(after)}
        if len(kinds) > 1:
            yield f"{where} was {_kind(before)} and is {_kind(after)}"
            return
        yield from _values(where, before, after, way)
        if way == "sent":
            yield from _bounds(where, before, after)
        if "items" in before:
            yield from self._schema(f"{where}, each", before["items"], after.get("items", {}), way)
        yield from self._fields(where, before, after, way)

    def _fields(self, where: str, before: Schema, after: Schema, way: str) -> Iterator[str]:
        had, has = before.get("properties", {}), after.get("properties", {})
        for name, schema in had.items():
            if name not in has:
                yield f"{where}: the field {name} is gone"
            else:
                yield from self._schema(f"{where}.{name}", schema, has[name], way)
        if way == "sent":
            for name in set(after.get("required", ())) - set(before.get("required", ())):
                yield f"{where}: the field {name} is demanded now"
        else:
            for name in set(before.get("required", ())) - set(after.get("required", ())):
                yield f"{where}: the field {name} may be absent now"

    def _alternatives(self, where: str, before: Schema, after: Schema, way: str) -> Iterator[str]:
        had, has = before.get("anyOf", [before]), after.get("anyOf", [after])
        # What is sent must still be taken; what is answered must have been known.
        every, among = (had, has) if way == "sent" else (has, had)
        for one in every:
            pairs = [(one, other) if way == "sent" else (other, one) for other in among]
            trials = [list(_Comparison(self._old, self._new)._schema(where, *pair, way)) for pair in pairs]
            if all(trials):
                kind = _kind(_resolved(self._old if way == "sent" else self._new, one))
                yield f"{where}: {kind} is new or gone there"


def _security(name: str, before: list[dict[str, list[str]]], after: list[dict[str, list[str]]]) -> Iterator[str]:
    """Whoever came in still does: with nothing more to show, and no scope that was not needed before. Which schemes
    there are is asked first, what each demands then."""
    for way in before:
        less = [other for other in after if other.keys() <= way.keys()]
        if not less:
            yield f"{name} no longer takes {' and '.join(way) or 'just anybody'}"
        elif all(more := [_more(way, other) for other in less]):
            scopes = " or ".join(" and ".join(sorted(one)) for one in more)
            yield f"{name} now demands {scopes} of {' and '.join(way)} {_scopes(way)}".rstrip()


def _more(before: dict[str, list[str]], after: dict[str, list[str]]) -> set[str]:
    """Scopes that are demanded now and were not."""
    return {scope for scheme, scopes in after.items() for scope in set(scopes) - set(before[scheme])}


def _scopes(way: dict[str, list[str]]) -> str:
    scopes = sorted(scope for scopes in way.values() for scope in scopes)
    return f"with {' and '.join(scopes)}" if scopes else ""


def _content(holder: Schema | None) -> dict[str, Schema]:
    return {kind: it.get("schema", {}) for kind, it in (holder or {}).get("content", {}).items()}


def _resolved(document: Schema, schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def _kind(schema: Schema) -> str:
    return str(schema.get("type", "anything"))


def _values(where: str, before: Schema, after: Schema, way: str) -> Iterator[str]:
    had, has = before.get("enum"), after.get("enum")
    if way == "sent" and has is not None:
        for value in had if had is not None else ["any other value"]:
            if value not in has:
                yield f"{where}: {value} is no longer taken"


def _bounds(where: str, before: Schema, after: Schema) -> Iterator[str]:
    for name in _AT_MOST:
        if name in after and (name not in before or after[name] < before[name]):
            yield f"{where}: {name} is narrower"
    for name in _AT_LEAST:
        if name in after and (name not in before or after[name] > before[name]):
            yield f"{where}: {name} is narrower"
    if "pattern" in after and after["pattern"] != before.get("pattern"):
        yield f"{where}: pattern is another"
