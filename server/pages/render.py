"""Templates and what all of them may use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from server.access.web import Known, SignedIn
from server.language import LANGUAGES, gettext, language, ngettext
from server.pages import words
from server.pages.charts import palette
from server.pages.charts.svg import element
from server.pages.files import static
from server.pages.places import above, places
from server.pages.plan_words import plan_facts
from server.problems import ProblemError

_HERE: Final = Path(__file__).parent
TEMPLATES: Final = _HERE / "templates"


def logo(size: int) -> Markup:
    """The plumb line, `size` px high."""
    cord = element("path", class_="cord", d="M8 0V12", fill="none", stroke_width=1.6)
    bob = element("path", class_="bob", d="M8 24 3 15 5 12h6l2 3z")
    return element("svg", [cord, bob], viewBox="0 0 16 24", width=size * 2 / 3, height=size, aria_hidden="true")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(
        static=static,
        logo=logo,
        patterns=palette.patterns,
        plan_facts=plan_facts,
        ago=words.ago,
        clock=words.clock,
        degrees=words.degrees,
        duration=words.duration,
        percent=words.percent,
        rough=words.rough,
        places=places,
        above=above,
        language=language,
        languages=LANGUAGES,
    )
    environment.filters["sentence"] = words.sentence
    return environment


ENVIRONMENT: Final = _environment()


def fragment(name: str, context: Mapping[str, object]) -> str:
    """A template's text."""
    return ENVIRONMENT.get_template(name).render(context)


def page(
    name: str, context: Mapping[str, object], *, door: SignedIn | Known | None = None, status: int = 200
) -> HTMLResponse:
    """A whole page, with the person who has signed in at its top."""
    frame = {
        "person": door.person if door else None,
        "form_token": door.form_token if door else "",
        "alarms": door.office.open_alarms() if isinstance(door, SignedIn) else None,
    }
    return HTMLResponse(fragment(name, {**frame, **context}), status)


def problem_page(problem: ProblemError, somebody: Known | None = None) -> HTMLResponse:
    """A problem as a page for people, with the way on for somebody who has signed in."""
    response = page("error.html", {"problem": problem}, door=somebody, status=problem.status)
    response.headers.update(problem.headers)
    return response


def wants_page(request: Request) -> bool:
    """Whether a person asked, not a program or a page's script."""
    return not request.url.path.startswith("/api/") and request.headers.get("accept") != "application/json"
