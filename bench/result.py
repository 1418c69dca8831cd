"""What a benchmark says: one figure of the product beside the floor measured in the same run, and how both print."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

Measure = Callable[[], "Sample"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run of one side. `waits` are the median and the 99th percentile of what one item waits for, None where nobody waits."""

    rate: float  # items a second
    cpu_ms: float  # CPU time of one item in all processes of the side
    waits: tuple[float, float] | None = None  # milliseconds
    details: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The medians of several rounds. `ratio` is the product's rate by the floor's, round by round, so that a busy moment hits both.

    `others` is the share of the machine (0 to 1) that other work took meanwhile.
    """

    name: str
    what: str
    floor: str
    ours: Sample
    theirs: Sample
    ratio: float
    others: float = 0.0


def compare(name: str, what: str, floor: str, ours: Measure, theirs: Measure, *, rounds: int) -> Result:
    """Measure both sides in turn, *rounds* times."""
    pairs = [(theirs(), ours()) for _ in range(rounds)]
    return Result(
        name=name,
        what=what,
        floor=floor,
        ours=_median([ours for _, ours in pairs]),
        theirs=_median([theirs for theirs, _ in pairs]),
        ratio=median(ours.rate / theirs.rate for theirs, ours in pairs),
    )


def table(results: Sequence[Result]) -> str:
    """Return *results* as a table in Markdown."""
    lines = ["| benchmark | side | a second | p50 ms | p99 ms | CPU ms each | ratio | others |", "|---|---|---:|---:|---:|---:|---:|---:|"]
    for result in results:
        lines.append(f"| {result.name}: {result.what} | zuozhen | {_cells(result.ours)} | {result.ratio:.2f} | {result.others:.0%} |")
        lines.append(f"| | {result.floor} | {_cells(result.theirs)} | 1 | |")
    for result in results:
        for key, value in (
            *result.ours.details.items(),
            *((f"{result.floor}: {key}", value) for key, value in result.theirs.details.items()),
        ):
            lines.append(f"{result.name}, {key}: {value:.3g}")
    return "\n".join(lines)


def _cells(sample: Sample) -> str:
    waits = [f"{wait:.1f}" for wait in sample.waits] if sample.waits else ["–", "–"]
    return " | ".join((f"{sample.rate:.0f}" if sample.rate >= 100 else f"{sample.rate:.1f}", *waits, f"{sample.cpu_ms:.2f}"))


def _median(samples: Sequence[Sample]) -> Sample:
    waits = [sample.waits for sample in samples if sample.waits]
    return Sample(
        rate=median(sample.rate for sample in samples),
        cpu_ms=median(sample.cpu_ms for sample in samples),
        waits=(median(wait[0] for wait in waits), median(wait[1] for wait in waits)) if waits else None,
        details={key: median(sample.details[key] for sample in samples) for key in samples[0].details},
    )
