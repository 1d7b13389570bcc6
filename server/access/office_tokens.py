"""One's own tokens, for programs."""

from __future__ import annotations

from collections.abc import Iterable

from server.access.acts import Duty
from server.access.duty_entrance import DutyEntrance
from server.access.scopes import Scope
from server.access.tokens import Made, Token, add_token, revoke_token, tokens_of
from server.problems import not_found
from server.store.engine import reading


class OfficeTokens(DutyEntrance):
    """What lets programs in, in one's own name."""

    def tokens(self) -> list[Token]:
        """One's own tokens, the newest first. Raises ProblemError 403."""
        self._enter(Duty.SEE_TOKENS)
        with reading(self._engine) as db:
            return tokens_of(db, self._person.id)

    def make_token(self, name: str, scopes: Iterable[Scope], valid_ms: int) -> Made:
        """A new token, shown this once. Raises TokenError, ProblemError 403."""
        with self._writing(Duty.MANAGE_TOKENS) as (db, note):
            made = add_token(db, self._person.id, name=name, scopes=scopes, valid_ms=valid_ms, now_ms=self._now_ms)
            note.detail = f"token:{made.token.id} made"
            return made

    def revoke_token(self, token_id: int) -> None:
        """End a token of one's own. Raises ProblemError 403, 404."""
        with self._writing(Duty.MANAGE_TOKENS, f"token:{token_id} revoked") as (db, _):
            if not revoke_token(db, self._person.id, token_id, self._now_ms):
                raise not_found("token")
