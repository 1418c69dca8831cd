"""What `zuozhen rules backtest --json` prints."""

from __future__ import annotations

import json
from collections import Counter

from daemon.cli.rules_backtest import as_data
from rules.workbench.backtest import Summary


def test_counts_are_printed_by_name() -> None:
    """What changed is counted under its name, moves with what was and what would be."""
    summary = Summary(total=3, kinds=Counter(lead=2), moves=Counter({("受理，甲局", "受理，乙局"): 2}), came=Counter(规则=2))

    said = json.loads(json.dumps(as_data(summary)))

    assert said["kinds"] == {"lead": 2}
    assert said["came"] == {"规则": 2}
    assert said["moves"] == [{"before": "受理，甲局", "after": "受理，乙局", "count": 2}]
    assert said["grave"] == 2
