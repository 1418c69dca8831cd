"""What Prometheus asks for at each scrape and nobody counts: what waits, what lives, how old it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from prometheus_client import Metric

    from daemon.health.vitals import Vitals
    from daemon.wiring import House
    from store.figures import Figures
    from store.workers import Worker

Sample = tuple[Sequence[str], float]


class Gauges(Collector):
    """The state of one house at one moment; `figures` was asked of the database before, since a collector cannot wait."""

    def __init__(self, house: House, vitals: Vitals, *, is_ready: Callable[[], bool]) -> None:
        """Look at *house* and *vitals* at each scrape."""
        self._house, self._vitals, self._is_ready = house, vitals, is_ready

    def collect(self) -> Iterable[Metric]:
        """Return all that is known now; what the database did not answer is left out rather than told old."""
        yield from self._database()
        yield from self._writer()
        yield from self._parts()
        yield from self._children()
        yield from self._mailboxes()

    def _database(self) -> Iterator[Metric]:
        known = self._vitals.figures
        yield _gauge("database_up", "Whether the database answers", [((), known is not None)])
        if known is not None:
            yield from self._waiting(known)

    def _waiting(self, known: Figures) -> Iterator[Metric]:
        yield _gauge("arrivals_undecided", "Arrivals not yet decided", [((), known.undecided)])
        yield _gauge("oldest_undecided_age_seconds", "How long the oldest waits", [((), self._age(known.oldest_undecided))])
        yield _gauge("quarantine", "Arrivals in quarantine", [((), known.quarantined)])
        yield _gauge("outbox_queued", "Notices not yet tried", [((), known.queued)])
        yield _gauge("outbox_deferred", "Notices to be tried again", [((), known.deferred)])
        yield _gauge("outbox_oldest_age_seconds", "How long the oldest waits", [((), self._age(known.oldest_queued))])
        yield _gauge("review_cases", "Cases that need a person", [((), known.review)])

    def _writer(self) -> Iterator[Metric]:
        writer = self._house.stores.database.writer
        yield _gauge("writer_queue", "Writes that wait for the next transaction", [((), writer.queued)])
        yield _counter("writer_batches", "Transactions", [((), writer.status.batches)])
        yield _counter("writer_units", "Writes", [((), writer.status.units)])
        yield _counter("writer_seconds", "Time in transactions", [((), writer.status.seconds)])
        yield _counter("writer_failures", "Transactions lost as a whole", [((), writer.status.failed)])

        skipped = self._house.stores.matching.skipped
        samples = [((kind,), count) for kind, count in sorted(skipped.items())]
        yield _counter("matching_keys_skipped", "Keys that fitted too many reports to tell anything", samples, "kind")

    def _parts(self) -> Iterator[Metric]:
        vitals, rooms = self._vitals, self._house.rooms
        yield _gauge("ready", "What /readyz answers", [((), self._is_ready())])
        yield _gauge("loop_lag_seconds", "By how much the loop is late", [((), vitals.loop.lag_s)])
        pulses = [(("loop",), vitals.loop.age_s), (("pipeline",), self._house.pipeline.pulse.age_s)]
        yield _gauge("pulse_age_seconds", "Since the last sign of life", pulses, "part")
        yield _gauge("door_open", "Whether a door is open", [((door,), is_open) for door, is_open in vitals.doors.items()], "door")
        digests = [((id_, room.rulebook.digest), 1) for id_, room in rooms.items()]
        yield _gauge("rulebook_info", "The rule-book in force", digests, "district", "digest")
        degraded = [((id_,), bool(room.engine.degraded)) for id_, room in rooms.items()]
        yield _gauge("engine_degraded", "Whether the built-in judge stands in for the engine", degraded, "district")

    def _children(self) -> Iterator[Metric]:
        engines = [worker for room in self._house.rooms.values() for worker in room.engine.workers]
        kinds: list[tuple[str, Sequence[Worker]]] = [("reader", self._house.reader.workers), ("engine", engines)]
        running = [((kind,), sum(worker.pid is not None for worker in workers)) for kind, workers in kinds]
        yield _gauge("workers_running", "Child processes", running, "kind")
        questions = [((kind,), sum(worker.questions for worker in workers)) for kind, workers in kinds]
        yield _counter("worker_questions", "Questions put to children", questions, "kind")
        deaths = [((kind,), sum(worker.deaths for worker in workers)) for kind, workers in kinds]
        yield _counter("worker_deaths", "Children that died or hung", deaths, "kind")

    def _mailboxes(self) -> Iterator[Metric]:
        boxes = self._house.mailboxes
        ages = [((box.name,), self._age(box.polled_at)) for box in boxes if box.polled_at is not None]
        yield _gauge("mailbox_poll_age_seconds", "Since the last good poll", ages, "mailbox")
        open_ = [((box.name,), box.unaccounted) for box in boxes]
        yield _gauge("mailbox_unaccounted", "Messages on the server that we do not have", open_, "mailbox")
        yield _counter("mailbox_errors", "Polls that failed", [((box.name,), box.errors) for box in boxes], "mailbox")

    def _age(self, moment: datetime | None) -> float:
        return max(0.0, (self._house.now() - moment).total_seconds()) if moment else 0.0


def _gauge(name: str, about: str, samples: Iterable[Sample], *labels: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"zuozhen_{name}", about, labels=labels)
    for values, number in samples:
        family.add_metric(list(values), number)
    return family


def _counter(name: str, about: str, samples: Iterable[Sample], *labels: str) -> CounterMetricFamily:
    family = CounterMetricFamily(f"zuozhen_{name}", about, labels=labels)
    for values, number in samples:
        family.add_metric(list(values), number)
    return family
