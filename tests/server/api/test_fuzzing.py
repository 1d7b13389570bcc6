"""Requests that nobody has thought of, made from the document: every answer is one that the document describes.

All of schemathesis' checks are on, in all of its phases; as nobody, and as a program with every scope. Once in the
ordinary run. With PLUMBLINE_API_S, which is 60 where CI is set, it goes on until at least those seconds are over, half
of them for each visitor: with other seeds, and without the boundary cases, which are the same each time.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished

from server.access.attempts import AttemptRules
from server.access.rules import AccessRules
from server.api.prefix import PREFIX
from server.app import create_app
from server.enrolment.doorkeeper import BrokerFace, Doorkeeper
from server.store import open_engine
from tests.server.api.conftest import token_for
from tests.server.conftest import Clinic, quick_passwords

SECONDS: Final = float(os.environ.get("PLUMBLINE_API_S") or (60 if os.environ.get("CI") else 0))
EXAMPLES: Final = (2, 20)
"""For each operation: beside the boundary cases of each parameter and field, and where it goes on."""
_BY_MEANING: Final = {
    "include-path-regex": "/plan(-templates|/draft|/draft/send|/preview)?$",
    "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "422", "429"]}},
}
"""That fields of a plan must go together no schema can say, so that what fits the schema may be refused there."""


@pytest.fixture(scope="module")
def clinic(
    filled: tuple[Path, dict[str, int], dict[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clinic]:
    """One without limits on requests, that can connect computers."""
    file, people, patients = filled
    own = tmp_path_factory.mktemp("fuzzing") / "clinic.db"
    shutil.copy(file, own)
    engine = open_engine(f"sqlite:///{own}")
    any_number = AttemptRules(pair=10**9, account=10**9, address=10**9)
    rules = AccessRules(programs=any_number, codes=any_number, attempts=any_number, factors=any_number)
    made = Clinic(engine, rules, people=dict(people), patients=dict(patients))
    keeper = Doorkeeper(engine, BrokerFace("mqtts://broker.clinic.test:8883"), [], lambda _accounts: None)
    made.app = create_app(engine, lambda: made.now_ms, rules=rules, passwords=quick_passwords(), doorkeeper=keeper)
    yield made
    engine.dispose()


def failures(clinic: Clinic, seed: int, secret: str | None, *, first: bool) -> tuple[list[str], Counter[str]]:
    """What is amiss, each kind once for each operation, and how often each check held."""
    settings: dict[str, Any] = {
        "seed": seed,
        "generation": {"max-examples": EXAMPLES[not first]},
        "phases": {"coverage": {"enabled": first}},
        "operations": [_BY_MEANING],
        "auth": {"openapi": {"token": {"bearer": secret}}} if secret else {},
    }
    config = SchemathesisConfig.from_dict(settings)
    schema = schemathesis.openapi.from_asgi(f"{PREFIX}/openapi.json", clinic.app, config=config)
    found: dict[tuple[str, str], str] = {}
    held: Counter[str] = Counter()
    for event in from_schema(schema).execute():
        if isinstance(event, ScenarioFinished):
            for case_id, checks in event.recorder.checks.items():
                for check in checks:
                    if check.failure_info is None:
                        held[check.name] += 1
                    else:
                        case = event.recorder.cases[case_id].value
                        name = f"{case.method} {case.operation.path}"
                        curl = case.as_curl_command()
                        found.setdefault((name, check.name), f"{name}: {check.failure_info.failure}\n{curl}")
        elif isinstance(event, (FatalError, NonFatalError)):
            found[type(event).__name__, str(event)] = f"the document cannot be used: {event}"
    return list(found.values()), held


@pytest.mark.timeout(max(240.0, 2 * SECONDS + 240))
@pytest.mark.parametrize("who", ["nobody", "program"])
def test_no_request_gets_an_answer_that_is_not_described(clinic: Clinic, who: str) -> None:
    began, seed, requests = time.monotonic(), 1, 0
    while seed == 1 or time.monotonic() - began < SECONDS / 2:
        secret = token_for(clinic.engine, clinic.people["mara"], clinic.now_ms).secret if who == "program" else None
        found, held = failures(clinic, seed, secret, first=seed == 1)
        assert not found, f"seed {seed}:\n" + "\n".join(found)
        if seed == 1:
            assert len(held) >= 14, held
            assert min(held.values()) > 300, held
        requests += max(held.values())
        clinic.now_ms += 31 * 86_400_000  # there is a limit on tokens in force
        seed += 1
    print(f"{requests} requests as {who} in {time.monotonic() - began:.0f} s")
