"""Who wore a clip when, and whether a gateway may write for them: what separates patients at the door."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, select

from server.rights.refusing import Unkept, Withdrawn
from server.store.tables import assignment, gateway


class _Worn(NamedTuple):
    """An assignment of a clip. Looked at for every record, hence no row of the database's."""

    start_ms: int
    end_ms: int | None
    gateway: str | None
    patient_id: int


class Wearers:
    """The assignments of some clips. With `lock` they and the gateways are locked until the end of the transaction:
    whoever else settles rows of one of these clips, hands it to another patient, or erases who wore it, waits."""

    def __init__(
        self, connection: Connection, clips: Iterable[str], gateways: Iterable[str], now_ms: int, *, lock: bool = False
    ) -> None:
        clips, gateways = set(clips), set(gateways)
        self._by_clip: dict[str, list[_Worn]] = defaultdict(list)
        query = select(assignment).where(assignment.c.clip.in_(sorted(clips))).order_by(assignment.c.id)
        if lock:  # first, so that what was assigned while this waited is read
            connection.execute(query.with_for_update()).all()
        assignments = connection.execute(query).mappings().all()
        for row in assignments:
            worn = _Worn(row["start_ms"], row["end_ms"], row["gateway"], row["patient_id"])
            self._by_clip[row["clip"]].append(worn)
        self._shared = {clip for clip, rows in self._by_clip.items() if len({row.patient_id for row in rows}) > 1}
        senders = select(gateway.c.id, gateway.c.revoked_ms).where(gateway.c.id.in_(gateways)).order_by(gateway.c.id)
        known = connection.execute(senders.with_for_update(key_share=True) if lock else senders)
        self._gateways = {row.id: row.revoked_ms is None or now_ms < row.revoked_ms for row in known}
        self.withdrawn = Withdrawn(connection, clips, assignments, now_ms)
        """Whether a clip's record of a time must be refused, whoever sends it."""
        self.unkept = Unkept(connection, gateways)
        """Whether what a gateway sent is not to be kept for inspection either."""

    def known(self, gateway_id: str) -> bool:
        """Whether the gateway is enrolled, revoked or not."""
        return gateway_id in self._gateways

    def revoked(self, gateway_id: str) -> bool:
        """Whether the gateway was enrolled and is no longer."""
        return self._gateways.get(gateway_id) is False

    def assigned(self, clip: str) -> bool:
        """Whether the clip was ever assigned to anybody, so that it is more than an id that somebody sends."""
        return clip in self._by_clip

    def changed_hands(self, clip: str) -> bool:
        """Whether the clip was ever assigned to more than one patient."""
        return clip in self._shared

    def before(self, gateway_id: str, clip: str, utc_ms: int | None) -> bool:
        """Whether the time lies before this gateway was first let to tell of this clip: what a clip that was used
        elsewhere, or lay in its box, brings along."""
        began = [row.start_ms for row in self._by_clip.get(clip, ()) if row.gateway in (None, gateway_id)]
        return utc_ms is not None and bool(began) and utc_ms < min(began)

    def at(self, gateway_id: str, clip: str, utc_ms: int | None) -> int | None:
        """Id of the patient who wore the clip at `utc_ms` and lets this gateway write. None when nobody or `withdrawn`.

        Without a time: the patient, if the clip has only ever been assigned to one; otherwise nobody, because the
        record might be another's.
        """
        if not self._gateways.get(gateway_id, False) or self.withdrawn(clip, utc_ms):
            return None
        if utc_ms is None and self.changed_hands(clip):
            return None
        for start_ms, end_ms, its_gateway, patient_id in self._by_clip.get(clip, ()):
            within = utc_ms is None or (start_ms <= utc_ms and (end_ms is None or utc_ms < end_ms))
            if within and its_gateway in (None, gateway_id):
                return patient_id
        return None
