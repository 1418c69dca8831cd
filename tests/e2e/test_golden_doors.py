"""The golden rows through the doors of their channels into a running daemon: the cases in its database beside the labels, by the figures of `rules evaluate`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from daemon.evaluation import labels_of
from rules.workbench.evaluate import Label
from rules.workbench.evaluate import evaluate as figures_of
from tests.e2e.clocked import turn
from tests.e2e.golden_doors import Hands, add_doors, outcomes
from tests.e2e.instance import daemon, sink, write_instance

LABELS = Path(__file__).parents[1] / "golden" / "labels.jsonl"
pytestmark = pytest.mark.timeout(1800)  # each wait has its own, shorter end, and says what the daemon said

CHANNELS = ("hotline", "fax", "letter", "window", "platform")
# What the district asks for at least.
VERDICT, DEPARTMENT, FIELD = 0.90, 0.88, 0.85
_SAMPLE = 2  # rows of each channel


async def _figures(folder: Path, labels: list[Label]) -> dict[str, dict[str, Any]]:
    """Hand *labels* in at the doors and return the figures of each channel."""
    async with sink() as relay:
        config = write_instance(folder, relay.port)
        add_doors(config)
        turn(config, datetime.fromisoformat(labels[0].received_at))
        async with daemon(config, module="tests.e2e.clocked") as running:
            hands = Hands(config, running, LABELS.parent / "inputs")
            for label in labels:
                await hands.hand_in(label)
            assert await running.stop() == 0
    results = await outcomes(config, labels, hands.arrivals)
    figures = figures_of(labels, results, everything=labels_of(LABELS))
    return TypeAdapter(dict[str, dict[str, Any]]).validate_python(figures["by_channel"])


def _is_good(channel: str, figures: dict[str, Any]) -> bool:
    fields = figures["field_accuracy"] if channel in {"hotline", "fax"} else {"name": 1.0, "phone": 1.0}
    return (
        figures["verdict_accuracy"] >= VERDICT
        and figures["department_accuracy"] >= DEPARTMENT
        and min(fields["name"], fields["phone"]) >= FIELD
        and figures["finally_refused_accepts"] == 0
    )


def _sample(labels: list[Label]) -> list[Label]:
    """Return a few rows of each channel, of matters that nobody reported before."""
    own = [label for label in labels if label.duplicate_of is None]
    chosen = {label.id for channel in CHANNELS for label in [one for one in own if one.channel == channel][:_SAMPLE]}
    return [label for label in labels if label.id in chosen]


@pytest.mark.parametrize("rows", ["some", pytest.param("all", marks=pytest.mark.long)])
async def test_golden_rows_through_the_doors(tmp_path: Path, rows: str) -> None:
    """Whichever way a matter comes, it becomes the labelled case; all rows are taken in their order, mails among them."""
    labels = labels_of(LABELS)
    by_channel = await _figures(tmp_path, labels if rows == "all" else _sample(labels))

    assert by_channel.keys() >= set(CHANNELS)
    assert [name for name in CHANNELS if not _is_good(name, by_channel[name])] == [], by_channel
