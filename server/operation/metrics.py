"""What Prometheus may read: counts and times, never of one patient."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func, select

from gateway import messages
from server.ingest.alarms import open_by_kind
from server.store import reading
from server.store.tables import gateway, ingest_count, session, stale_day

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """What one server counts in its own memory, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "plumbline_http_requests",
            "Answered requests",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._request_s = Histogram(
            "plumbline_http_request_seconds",
            "From a request's head to its answer's end",
            ["route"],
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._rows = Counter(
            "plumbline_ingest_rows",
            "Rows that gateways sent and one commit settled: taken in (or known already), or rejected",
            ["result"],
            registry=self.registry,
        )
        self._ack_s = Histogram(
            "plumbline_ack_seconds",
            "From a batch's arrival to its acknowledgement after the commit",
            registry=self.registry,
            buckets=_SECONDS,
        )

    def answered(self, method: str, route: str, status: int, took_s: float) -> None:
        """A request has been answered."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._request_s.labels(route).observe(took_s)

    def settled(self, records: messages.Records, ack: messages.Ack, took_s: float) -> None:
        """A batch has been acknowledged."""
        self._rows.labels("taken").inc(len(records.rows) - len(ack.rejected))
        self._rows.labels("rejected").inc(len(ack.rejected))
        self._ack_s.observe(took_s)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)


class StoreCollector(Collector):
    """What is in the store at the moment of asking. `clock` tells UTC milliseconds, `connected` whether the server is
    connected to the broker."""

    def __init__(self, engine: Engine, clock: Callable[[], int], connected: Callable[[], bool]) -> None:
        self._engine = engine
        self._clock = clock
        self._connected = connected

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked of the store when the collector is registered."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Raises SQLAlchemyError when the store cannot be asked."""
        now_ms = self._clock()
        yield _gauge("plumbline_broker_connected", "Whether the server is connected to the broker", self._connected())
        with reading(self._engine) as db:
            stale = db.scalar(select(func.count()).select_from(stale_day))
            sessions = db.scalar(select(func.count()).select_from(session).where(session.c.expires_ms > now_ms))
            refused = db.execute(
                select(ingest_count.c.reason, func.sum(ingest_count.c["count"])).group_by(ingest_count.c.reason)
            ).all()
            alarms = open_by_kind(db)
            told = db.execute(
                select(gateway.c.online, gateway.c.status_json, gateway.c.seen_ms).where(gateway.c.revoked_ms.is_(None))
            ).all()
        yield _gauge("plumbline_stale_days", "Days whose summary must be made again", stale or 0)
        yield _gauge("plumbline_sessions", "Signed-in browsers", sessions or 0)
        open_alarms = GaugeMetricFamily("plumbline_alarms", "Alarms that nobody has acknowledged", labels=["kind"])
        for kind, count in alarms.items():
            open_alarms.add_metric([kind], count)
        yield open_alarms
        family = CounterMetricFamily("plumbline_ingest_refused", "What was refused, by reason", labels=["reason"])
        for reason, count in refused:
            family.add_metric([reason], float(count))
        yield family
        yield from _gateways([(row.online, row.status_json, row.seen_ms) for row in told], now_ms)


def _gateways(told: list[tuple[bool, str | None, int | None]], now_ms: int) -> Iterator[Metric]:
    family = GaugeMetricFamily("plumbline_gateways", "Computers that are enrolled, by connection", labels=["state"])
    online = sum(online for online, _, _ in told)
    family.add_metric(["online"], online)
    family.add_metric(["offline"], len(told) - online)
    yield family
    statuses = [json.loads(status) for _, status, _ in told if status]
    rows = [int(status.get("outbox_rows", 0)) for status in statuses]
    ages = [now_ms - oldest for status in statuses if (oldest := status.get("outbox_oldest_utc_ms")) is not None]
    silent = [now_ms - seen for online, _, seen in told if online and seen is not None]
    yield _gauge("plumbline_outbox_rows", "Rows that wait at all computers, as last told", sum(rows))
    yield _gauge("plumbline_outbox_age_seconds", "Age of the oldest row that waits, as last told", _most_s(ages))
    yield _gauge("plumbline_gateway_silence_seconds", "Longest silence of a computer that is online", _most_s(silent))


def _most_s(spans_ms: list[int]) -> float:
    return max(0, *spans_ms, 0) / 1000


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=float(value))
