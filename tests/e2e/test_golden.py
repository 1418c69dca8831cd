"""The golden rows, taken the daemon's own path into one store: what `zuozhen rules evaluate` reports of the channels that are built."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pydantic import TypeAdapter

from daemon.evaluation import evaluate
from rules.rulebook import builtin_pack, load_pack
from rules.workbench.evaluate import evaluate as figures_of

LABELS = Path(__file__).parents[1] / "golden" / "labels.jsonl"
CHANNELS = {"mail", "letter", "window", "platform"}
# What the district asks for at least.
VERDICT, GROUND, DEPARTMENT = 0.93, 0.90, 0.90
PAPER_VERDICT, PAPER_DEPARTMENT, PAPER_FIELD = 0.90, 0.88, 0.85  # of what a machine read off a page, or somebody wrote by hand


def test_golden_rows_come_out_as_labelled() -> None:
    """Apart from repeats that only a platform's own record can show, verdict, ground and department are right, and no refusal is final."""
    labels, results = asyncio.run(evaluate(LABELS, load_pack(builtin_pack("chenggong")), lambda _done, _all: None))

    figures = figures_of([label for label in labels if label.channel in CHANNELS], results, everything=labels)

    own = figures["without_platform_repeats"]
    assert isinstance(own, dict)
    wrong = figures["wrong"]
    assert own["verdict_accuracy"] >= VERDICT, wrong
    assert own["ground_accuracy"] >= GROUND, wrong
    assert own["department_accuracy"] >= DEPARTMENT, wrong
    assert own["finally_refused_accepts"] == 0, wrong
    for channel in ("fax", "letter"):
        rows = [label for label in labels if label.channel == channel]
        paper = figures_of(rows, results, everything=labels)
        fields = TypeAdapter(dict[str, float | None]).validate_python(paper["field_accuracy"])
        shares = TypeAdapter(dict[str, float]).validate_python({name: paper[name] for name in ("verdict_accuracy", "department_accuracy")})
        assert shares["verdict_accuracy"] >= PAPER_VERDICT, paper["wrong"]
        assert shares["department_accuracy"] >= PAPER_DEPARTMENT, paper["wrong"]
        assert min(fields["name"] or 0, fields["phone"] or 0) >= PAPER_FIELD, (channel, fields)
        assert paper["finally_refused_accepts"] == 0, paper["wrong"]
