"""The OpenAPI document as it was agreed on: a change shows as a difference, and only additions pass.

To take a change over: `PLUMBLINE_REWRITE=1 python -m pytest tests/server/api/test_document.py`
"""

from __future__ import annotations

import copy
import difflib
import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from server.access.rules import AccessRules
from server.app import create_app
from server.store import open_engine
from tests.server.api.additions import lost

GOLDEN: Final = Path(__file__).with_name("openapi.json")
COMMAND: Final = "PLUMBLINE_REWRITE=1 python -m pytest tests/server/api/test_document.py"
Document = dict[str, Any]


def as_text(document: Document) -> str:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Document:
    file = tmp_path_factory.mktemp("document") / "none.db"
    app = create_app(open_engine(f"sqlite:///{file}"), lambda: 0, rules=AccessRules())
    return json.loads(json.dumps(app.openapi()))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def agreed() -> Document:
    return json.loads(GOLDEN.read_text())  # type: ignore[no-any-return]


def test_only_additions_to_what_was_agreed(document: Document, agreed: Document) -> None:
    """First of all: whoever rewrites the agreed document sees here what programs would lose."""
    gone = lost(agreed, document)
    assert not gone, "programs rely on this; keep it within /api/v1:\n" + "\n".join(gone)


def test_the_document_is_the_agreed_one(document: Document) -> None:
    text = as_text(document)
    if os.environ.get("PLUMBLINE_REWRITE"):
        GOLDEN.write_text(text)
    lines = difflib.unified_diff(GOLDEN.read_text().splitlines(), text.splitlines(), "agreed", "now", lineterm="", n=2)
    changes = "\n".join(list(lines)[:200])
    assert not changes, f"the API has changed; if it should, run {COMMAND} and commit the file:\n{changes}"


def operations(document: Document) -> list[tuple[str, str, Document]]:
    return [(method, path, it) for path, item in document["paths"].items() for method, it in item.items()]


def test_it_is_openapi_3_1_and_all_of_it_is_versioned(document: Document) -> None:
    assert document["openapi"].startswith("3.1.")
    assert len(operations(document)) >= 18
    assert all(path.startswith("/api/v1/") for path in document["paths"])
    names = [it["operationId"] for _, _, it in operations(document)]
    assert len(set(names)) == len(names)


def test_every_operation_lists_its_problems_with_their_schema(document: Document) -> None:
    for method, path, it in operations(document):
        responses = it["responses"]
        problems = {int(code) for code in responses if code >= "400"}
        for code in problems:
            content = responses[str(code)]["content"]
            assert content.keys() == {"application/problem+json"}, (method, path, code)
            assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
        needed = {500}
        if "security" in it:
            needed |= {401, 403}
        if any("token" in way for way in it.get("security", ())):
            needed |= {429}
        if "{" in path:
            needed |= {404, 422}
        if "requestBody" in it:
            needed |= {400, 413, 422}
        assert needed <= problems, (method, path, needed - problems)
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_operation_says_who_may_come(document: Document) -> None:
    nobody = {path for _, path, it in operations(document) if "security" not in it}
    assert nobody == {"/api/v1/health", "/api/v1/enrol", "/api/v1/session", "/api/v1/session/factor"}
    for method, path, it in operations(document):
        for way in it.get("security", ()):
            assert "token" not in way or way["token"], f"say with `needs` what {method} {path} does"
            assert way.keys() <= document["components"]["securitySchemes"].keys()
            if method != "get" and "session" in way:
                assert "formToken" in way, path


def test_parameters_are_bounded(document: Document) -> None:
    for method, path, it in operations(document):
        for parameter in it.get("parameters", ()):
            schemas = parameter["schema"].get("anyOf", [parameter["schema"]])
            for schema in schemas:
                if schema.get("type") == "integer":
                    assert {"minimum", "exclusiveMinimum"} & schema.keys(), (method, path, parameter["name"])
                    assert {"maximum", "exclusiveMaximum"} & schema.keys(), (method, path, parameter["name"])
                if schema.get("type") == "string":
                    assert {"pattern", "maxLength", "enum", "const"} & schema.keys(), (method, path, parameter["name"])


def _change(document: Document, *path: str) -> Any:
    found: Any = document
    for name in path:
        found = found[name]
    return found


_PATIENT: Final = ("paths", "/api/v1/patients/{patient_id}", "get")
_TRENDS: Final = ("paths", "/api/v1/patients/{patient_id}/trends", "get")
_WISH: Final = ("components", "schemas", "TokenWish")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["paths"].pop("/api/v1/patients"), "GET /api/v1/patients is gone"),
        (lambda d: _change(d, *_PATIENT, "responses").pop("200"), "answer 200"),
        (lambda d: _change(d, "components", "schemas", "Patient", "properties").pop("zone"), "zone"),
        (lambda d: _change(d, "components", "schemas", "Patient", "required").remove("zone"), "zone"),
        (lambda d: _change(d, "components", "schemas", "Clip", "properties", "live").update(type="string"), "live"),
        (lambda d: _change(d, *_WISH, "properties").update(why={"type": "string"}) or _change(d, *_WISH, "required")
         .append("why"), "why"),
        (lambda d: _change(d, *_WISH, "properties").pop("days"), "days"),
        (lambda d: _change(d, *_WISH, "properties", "days").update(maximum=30), "maximum"),
        (lambda d: _change(d, "components", "schemas", "Scope", "enum").remove("read:plans"), "read:plans"),
        (lambda d: _change(d, *_PATIENT, "parameters").append(
            {"name": "x", "in": "query", "required": True, "schema": {}}), "x"),
        (lambda d: _change(d, "paths", "/api/v1/patients", "get", "parameters").pop(), "after"),
        (lambda d: _change(d, *_PATIENT)["security"].pop(), "no longer takes token"),
        (lambda d: _change(d, *_TRENDS)["security"][1]["token"].append("read:plans"),
         "demands read:plans of token with read:measures"),
        (lambda d: _change(d, *_TRENDS)["security"][1].update(token=["read:plans"]), "demands read:plans"),
        (lambda d: _change(d, *_TRENDS)["security"][1].update(certificate=[]), "no longer takes token"),
        (lambda d: _change(d, *_TRENDS)["security"][0].update(formToken=[]), "no longer takes session"),
        (lambda d: d["paths"]["/api/v1/health"]["get"].update(security=[{"session": []}]), "just anybody"),
        (lambda d: d["components"]["securitySchemes"]["formToken"].update(name="x-other"), "formToken was name"),
        (lambda d: _change(d, *_TRENDS).update(operationId="other"), "is called other"),
    ],
    ids=range(19),
)  # fmt: skip
def test_what_programs_would_lose_is_seen(document: Document, change: Any, words: str) -> None:
    changed = copy.deepcopy(document)
    change(changed)
    assert any(words in line for line in lost(document, changed)), lost(document, changed)


def test_additions_are_no_loss(document: Document) -> None:
    more = copy.deepcopy(document)
    more["paths"]["/api/v1/more"] = {"get": {"responses": {"200": {}}}}
    more["components"]["schemas"]["Patient"]["properties"]["more"] = {"type": "string"}
    more["components"]["schemas"]["Patient"]["required"].append("more")
    more["components"]["schemas"]["TokenWish"]["properties"]["more"] = {"type": "string"}
    more["components"]["schemas"]["TokenWish"]["properties"]["days"]["maximum"] = 400
    _change(more, *_PATIENT, "parameters").append({"name": "x", "in": "query", "required": False, "schema": {}})
    _change(more, *_PATIENT, "responses")["418"] = {}
    _change(more, *_PATIENT)["security"].append({"certificate": []})
    _change(more, *_PATIENT)["security"].reverse()
    _change(more, *_TRENDS)["security"] += [{"token": ["read:plans"]}, {}]
    plan = more["paths"]["/api/v1/patients/{patient_id}/plan/preview"]["post"]["security"]
    plan[1] = {"token": ["read:plans"]}
    more["components"]["securitySchemes"]["certificate"] = {"type": "mutualTLS"}
    assert lost(document, more) == []
    assert lost(document, document) == []
