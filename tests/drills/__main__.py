"""`python -m tests.drills 目录 页面`: plays the three districts, writes what each produced below the folder, and the page with the three tables."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from daemon import logs
from daemon.cli.drill_files import disagreements, rows, shown_by, table_lines, write_all
from tests.drills.months import ALL, Months

_HEAD = """# 与要求对照

三个区的演练：来件和经办的事写在 `tests/drills/` 下各区的目录里，时间是模拟的，其余和运行中的服务是同一套程序（见 [演练](演练.md)）。
每一行是文件的一条要求（编号见表）、演练里产出了什么、在哪个文件；产品做不到的，写“没有”和缺什么。

本页由 `make drills` 写出，不用手改；文件名是 `make drills` 写出的产出目录里的。要求和凭据写在各区目录的 `requirements.yaml`。
呈贡的来件是开发集的140行（`tests/golden`），五华、晋宁的是编的；五华、晋宁规则包里“由本区填入”的部门，演练时由 `filled.yaml` 填入。
"""


def _drill(months: Months, out: Path) -> tuple[list[str], list[str]]:
    """Play one district; return the lines of its table, and what is wrong."""
    sys.stderr.write(f"{months.district}：{months.first} 至 {months.last} ……\n")
    with TemporaryDirectory(prefix="zuozhen-drills-") as name, months.at(Path(name)) as place:
        outcome, asked = asyncio.run(months.played(place))
        found = shown_by(outcome, asked)
        listed = rows(outcome, found)
        write_all(outcome, place, out / months.district, listed)
    wrong = [*disagreements(found), *([] if outcome.ledger.is_clean else ["有漏发或重发"]), *(problem for _, problem in outcome.refused)]
    return list(table_lines(outcome, listed)), [f"{months.district}　{line}" for line in wrong]


def _page(tables: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _HEAD.rstrip()
    for lines in tables:
        yield ""
        yield f"#{lines[0]}"
        yield from lines[1:]


def main(out: Path, page: Path) -> int:
    """Play all, write *out* and *page*, and return 1 where anything is not as said."""
    logs.configure("error", "auto")
    played = [_drill(months, out) for months in ALL]
    page.write_text("\n".join(_page([lines for lines, _ in played])) + "\n", encoding="utf-8")
    wrong = [line for _, lines in played for line in lines]
    sys.stdout.write("\n".join([f"产出在 {out}，对照表在 {page}", *(f"不符：{line}" for line in wrong), ""]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
