"""Keeps the accounts of the broker as the store has them: a new gateway may come at once, a revoked one no longer.

The store is also looked at now and then, because commands and other servers change it, too.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, select

from server.broker import Account
from server.enrolment.service import random_password
from server.store import UNUSABLE
from server.store.engine import reading
from server.store.tables import gateway
from server.troubles import Trouble

LOOK_S: Final = 3.0
LONGEST_PAUSE_S: Final = 30.0
"""Looks are as far apart while the broker cannot be told; the pause doubles until then."""
INSIST_LOOKS: Final = 40
"""After so many looks, about two minutes, a broker that may have forgotten is told again though nothing has changed."""

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class BrokerFace:
    """What gateways are told of the broker: its address, and its authority's certificates where it has its own."""

    url: str
    ca_pem: str | None = None


class Doorkeeper:
    """`fixed` are accounts that the store does not have; `admit` tells the broker who may come. `new_password` makes a
    gateway's password of its id. `insists`: the broker keeps the accounts by itself, and is reminded of them."""

    def __init__(
        self,
        engine: Engine,
        face: BrokerFace,
        fixed: Sequence[Account],
        admit: Callable[[Sequence[Account]], None],
        *,
        new_password: Callable[[str], str] = random_password,
        insists: bool = False,
    ) -> None:
        self.face = face
        self.new_password = new_password
        self._insists = insists
        self._engine = engine
        self._fixed = tuple(fixed)
        self._admit = admit
        self._told: tuple[Account, ...] | None = None
        self._trouble = Trouble(log, "the broker has been told who may come")
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="doorkeeper", daemon=True)

    def accounts(self) -> tuple[Account, ...]:
        """Everybody who may come now. A gateway that is revoked may not, wherever its account is from."""
        with reading(self._engine) as db:
            rows = db.execute(select(gateway.c.id, gateway.c.mqtt_hash, gateway.c.revoked_ms)).all()
        known = {row.id for row in rows if row.mqtt_hash is not None or row.revoked_ms is not None}
        kept = [account for account in self._fixed if account.name not in known]
        enrolled = [
            Account(row.id, "", "gateway", row.mqtt_hash)
            for row in sorted(rows, key=lambda row: row.id)
            if row.mqtt_hash is not None and row.revoked_ms is None
        ]
        return (*kept, *enrolled)

    def refresh(self, *, insist: bool = False) -> None:
        """Tell the broker, if anything has changed. Raises OSError when it cannot be told, SQLAlchemyError."""
        with self._lock:
            wanted = self.accounts()
            if insist or wanted != self._told:
                self._admit(wanted)
                self._told = wanted

    def tell(self, *, insist: bool = False) -> bool:
        """Tell the broker, if anything has changed. False when that cannot be done now; it is tried again."""
        try:
            self.refresh(insist=insist)
        except (OSError, *UNUSABLE) as error:
            self.put_off(error)
            return False
        self._trouble.gone()
        return True

    def put_off(self, error: Exception) -> None:
        """What `refresh` raised is met later, by `start`."""
        self._trouble.met(f"the broker cannot be told who may come, and will be: {_in_words(error)}")

    def start(self) -> None:
        """Look every `LOOK_S` seconds, until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        looks, pause_s = 0, LOOK_S
        while not self._stopping.wait(pause_s):
            looks += 1
            try:
                told = self.tell(insist=self._insists and looks % INSIST_LOOKS == 0)
            except Exception:
                # Not the end of looking: whoever is revoked meanwhile would stay in.
                log.exception("the broker was not told who may come; trying again")
                told = False
            pause_s = LOOK_S if told else min(2 * pause_s, LONGEST_PAUSE_S)


def _in_words(error: Exception) -> str:
    if isinstance(error, UNUSABLE):
        return "the database cannot be used"
    return str(error) or type(error).__name__
