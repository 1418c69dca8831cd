"""Real letters of citizens through `make bench`'s own measurement, as a part of them.

Of each problem that people named a few letters, all that only look alike, and so many others between them that no problem fills the
stream: a word that one report in twenty has tells nothing (`rules.problems`), so that a part with all the named letters would find none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LETTERS = ROOT.parent / "shared" / "data" / "taidi2020c"
STREAM, SAID = "letters_stream.jsonl", "same_problem_groups_dev.json"
NAMED, OTHERS = 12, 15  # letters of one problem; one in so many of those that nobody spoke of
PRECISION, RECALL = 0.80, 0.35  # below the aims of docs/benchmarks.md: measured were 0.85 and 0.42, and that may not get worse


def write_part(folder: Path) -> None:
    """Write the part of the stream into *folder*, as the measurement reads it."""
    said = (LETTERS / SAID).read_text(encoding="utf-8")
    clusters = json.loads(said)
    spoken_of = {str(id_) for one in clusters for id_ in (*one["ids"], *one["hard_negative_ids"])}
    taken = {str(id_) for one in clusters for id_ in (*one["ids"][:NAMED], *one["hard_negative_ids"])}
    lines = (LETTERS / STREAM).read_text(encoding="utf-8").splitlines()
    ids = [str(json.loads(line)["id"]) for line in lines]
    part = [
        line
        for place, (id_, line) in enumerate(zip(ids, lines, strict=True))
        if id_ in taken or (place % OTHERS == 0 and id_ not in spoken_of)
    ]
    (folder / STREAM).write_text("\n".join(part), encoding="utf-8")
    (folder / SAID).write_text(said, encoding="utf-8")


def test_letters_about_one_problem_come_together(tmp_path: Path) -> None:
    """Measured against what people said, look-alikes included, precision and recall stay what they were."""
    if not (LETTERS / STREAM).is_file() or not (LETTERS / SAID).is_file():
        pytest.skip(f"第三方样本不在项目旁：{LETTERS}")
    write_part(tmp_path)

    command = [sys.executable, "bench/run.py", "--only", "group", "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "ZUOZHEN_LETTERS": str(tmp_path)}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr[-3_000:]
    (result,) = json.loads(done.stdout[done.stdout.index('{\n  "cores"') :])["results"]  # what was logged stands before it
    details = result["ours"]["details"]
    assert details["precision"] >= PRECISION, details
    assert details["recall"] >= RECALL, details
