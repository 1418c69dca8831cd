"""Counts what happens, for Prometheus; docs/reference/metrics.md tells what each figure means.

Labels are words of ours (verdicts, purposes, doors) or the operator's own (districts, mailboxes): never a sender's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.metadata import version
from platform import python_version
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from structlog.typing import EventDict, WrappedLogger

from store.model.arrival import Channel

if TYPE_CHECKING:
    from daemon.pipeline import Outcome
    from daemon.sending import Try
    from store.model.arrival import Accepted, Arrival, StoredArrival
    from store.model.notice import QueuedNotice
    from store.platforms import Taken

_AGES = (1, 2, 5, 15, 60, 300, 1800, 7200, 86_400)  # seconds from arrival to decision
_TRIES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300)  # seconds a relay takes
_COUNTED = frozenset({"warning", "error", "critical", "exception"})


class Metrics:
    """The counters of one process. What waits in the database is not counted here but asked, see `daemon.health.gauges`."""

    def __init__(self) -> None:
        """Begin at zero, on a registry of its own."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._arrivals = self._counter("arrivals", "Messages at a door", "channel", "door", "outcome")
        self._bytes = self._counter("arrival_bytes", "Bytes of messages accepted", "door")
        self._decisions = self._counter("decisions", "Arrivals decided", "district", "verdict", "proposed")
        self._ages = Histogram("zuozhen_decision_age_seconds", "From arrival to decision", buckets=_AGES, registry=self.registry)
        self._notices = self._counter("notices", "Tries to hand a notice to the relay", "purpose", "outcome")
        self._relay = Histogram("zuozhen_relay_seconds", "What a try took", ["outcome"], buckets=_TRIES, registry=self.registry)
        self._rows = self._counter("platform_rows", "Rows of other platforms", "platform", "outcome")
        self._bounces = self._counter("bounces", "Reports of mail that was not delivered", "kind")
        self._reloads = self._counter("reloads", "Reloads of packs and addresses", "result")
        self._reloaded_at = Gauge("zuozhen_reload_success_timestamp_seconds", "Last reload that took effect", registry=self.registry)
        self._events = self._counter("log_events", "Warnings and errors logged", "event", "level")
        build = Gauge("zuozhen_build_info", "What runs", ["version", "python"], registry=self.registry)
        build.labels(version("zuozhen"), python_version()).set(1)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"zuozhen_{name}", about, labels, registry=self.registry)

    def accepted(self, arrivals: Sequence[Arrival], receipts: Sequence[Accepted]) -> None:
        """Count a message that a door took."""
        for arrival, receipt in zip(arrivals, receipts, strict=True):
            self._arrivals.labels(arrival.channel.value, arrival.door, "new" if receipt.is_new else "repeated").inc()
            self._bytes.labels(arrival.door).inc(len(arrival.raw))

    def put_off(self, arrivals: Sequence[Arrival]) -> None:
        """Count a message that could not be stored now: its sender tries again."""
        for arrival in arrivals:
            self._arrivals.labels(arrival.channel.value, arrival.door, "deferred").inc()

    def decided(self, arrival: StoredArrival, outcome: Outcome) -> None:
        """Count a recorded decision (a listener of `Pipeline`)."""
        if arrival.channel is Channel.PLATFORM:  # compared with, not decided upon
            return
        decision = outcome.decision
        self._decisions.labels(arrival.district, decision.verdict.value, "yes" if decision.proposed else "no").inc()
        if (bounce := outcome.petition.letter.bounce) is not None:
            self._bounces.labels("permanent" if bounce.is_permanent else "temporary").inc()
        self._ages.observe(max(0.0, time.time() - arrival.received_at.timestamp()))

    def rows_taken(self, taken: Taken) -> None:
        """Count the rows of other platforms that were taken (told by `PlatformIntake`)."""
        for outcome, count in taken.counts.items():
            self._rows.labels(taken.batch.platform, outcome).inc(count)

    def tried(self, queued: QueuedNotice, outcome: Try, seconds: float) -> None:
        """Count a try to send (a listener of `Sender`)."""
        self._notices.labels(queued.notice.purpose.value, outcome.value).inc()
        self._relay.labels(outcome.value).observe(seconds)

    def reloaded(self, result: str) -> None:
        """Count a reload: "done", "refused" (the files are wrong) or "failed" (a bug)."""
        self._reloads.labels(result).inc()
        if result == "done":
            self._reloaded_at.set_to_current_time()

    def logged(self, _logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """Count a warning or an error (a processor of structlog); its words are not looked at."""
        if method in _COUNTED:
            self._events.labels(event["event"], "error" if method == "exception" else method).inc()
        return event
