"""Beginnings of plans that an organisation has saved, beside the catalogue."""

from __future__ import annotations

from collections.abc import Mapping

from server.access.acts import Duty
from server.access.duty_entrance import DutyEntrance
from server.plans import templates
from server.plans.templates import Template
from server.problems import not_found
from server.store.engine import reading


class OfficeTemplates(DutyEntrance):
    """Templates of plans. They are nobody's data."""

    def templates(self) -> tuple[Template, ...]:
        """One's organisation's own, then the catalogue. Raises ProblemError 403."""
        self._enter(Duty.USE_TEMPLATES)
        with reading(self._engine) as db:
            return templates.templates_of(db, self._person.organisation_id)

    def save_template(self, name: str, purpose: str, fields: Mapping[str, object]) -> Template:
        """Keep a whole plan's fields. Raises InvalidPlanError, ProblemError 403."""
        with self._writing(Duty.USE_TEMPLATES, "saved") as (db, _):
            return templates.save_template(
                db,
                self._person.organisation_id,
                self._person.id,
                name=name,
                purpose=purpose,
                fields=fields,
                now_ms=self._now_ms,
            )

    def remove_template(self, key: str) -> None:
        """Take away one of one's organisation's own. Raises ProblemError 404 for any other, 403."""
        with self._writing(Duty.USE_TEMPLATES, "removed") as (db, _):
            if not templates.remove_template(db, self._person.organisation_id, key):
                raise not_found("template")
