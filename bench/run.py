"""Runs the benchmarks and prints a table: `make bench`, `make bench ARGS="--only decide --json"`. Writes nothing; all of them take some hours, half of them for the rows `find-…-many`.

Every figure stands beside a floor that is measured in the same run, in turn with it: on another machine the figures
move and the ratios stay. The last column says how much of the machine other work took meanwhile; much of it spoils even ratios. What
the figures mean, and what they were, is told in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial

import accepting
import deciding
import faxes
import finding
import grouping
import machine
import owing
import reading
import rehearsing
import replies
import sizes
import whole
from result import Result, table

_BENCHMARKS: Mapping[str, Callable[[], Result]] = {
    "accept": accepting.measure,
    "read": reading.measure,
    "fax": faxes.measure,
    "decide": deciding.measure,
    "decide-200": partial(sizes.measure, 200),
    "decide-1000": partial(sizes.measure, 1_000),
    "reload": sizes.measure_reloads,
    "backtest": partial(rehearsing.measure, 10_000),
    "backtest-many": partial(rehearsing.measure, 100_000),
    "find": partial(finding.measure, "SQLite", 10_000, 100_000),
    "find-many": partial(finding.measure, "SQLite", 10_000, 100_000, 1_000_000),
    "find-postgresql": partial(finding.measure, "PostgreSQL", 10_000, 100_000),
    "find-postgresql-many": partial(finding.measure, "PostgreSQL", 10_000, 100_000, 1_000_000),
    "full": partial(whole.measure, "SQLite", 1_000),
    "full-many": partial(whole.measure, "SQLite", 100_000),
    "deadlines": partial(owing.measure, "SQLite"),
    "deadlines-postgresql": partial(owing.measure, "PostgreSQL"),
    "replies": partial(replies.measure, "SQLite", 1_000),
    "replies-postgresql": partial(replies.measure, "PostgreSQL", 250),
    "group": grouping.measure,
    "postgresql": partial(whole.measure, "PostgreSQL", 1_000),
    "postgresql-many": partial(whole.measure, "PostgreSQL", 100_000),
}


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description="Benchmarks of zuozhen against floors measured in the same run.")
    parser.add_argument("--only", action="append", choices=_BENCHMARKS, help="run only this one (may be repeated)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    results = []
    for name in asked.only or _BENCHMARKS:
        print(f"{name} …", file=sys.stderr)
        watch = machine.Watch()
        try:
            result = _BENCHMARKS[name]()
        except FileNotFoundError as error:  # letters of third parties, which are no part of the repository
            print(error, file=sys.stderr)
            continue
        results.append(replace(result, others=watch.others()))
    if asked.json:
        about = {"cores": os.cpu_count(), "python": platform.python_version()}
        print(json.dumps({**about, "results": [asdict(result) for result in results]}, indent=2))
    else:
        print(f"{os.cpu_count()} cores, Python {platform.python_version()}\n\n{table(results)}")


if __name__ == "__main__":
    main()
