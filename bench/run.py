"""Runs the benchmarks and prints a table: `make bench`, `make bench ARGS="--only decide --json"`. Writes nothing; takes some two minutes.

Every figure stands beside a floor that is measured in the same run, in turn with it: on another machine, or a busy one, the figures
move and the ratios stay. What they mean, and what they were, is told in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict

import accepting
import deciding
import machine
import reading
import whole
from result import Result, table

_BENCHMARKS: Mapping[str, Callable[[], Result]] = {
    "accept": accepting.measure,
    "read": reading.measure,
    "decide": deciding.measure,
    "full": whole.measure,
}
_TOO_BUSY = 0.2


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description="Benchmarks of zuozhen against floors measured in the same run.")
    parser.add_argument("--only", action="append", choices=_BENCHMARKS, help="run only this one (may be repeated)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    busy = machine.busy(2.0)
    if busy > _TOO_BUSY:
        print(f"the machine is {busy:.0%} busy with other work: the figures will be too low", file=sys.stderr)
    results = []
    for name in asked.only or _BENCHMARKS:
        print(f"{name} …", file=sys.stderr)
        results.append(_BENCHMARKS[name]())
    if asked.json:
        about = {"cores": os.cpu_count(), "python": platform.python_version(), "busy_before": round(busy, 3)}
        print(json.dumps({**about, "results": [asdict(result) for result in results]}, indent=2))
    else:
        print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {busy:.0%} busy before the start\n")
        print(table(results))


if __name__ == "__main__":
    main()
