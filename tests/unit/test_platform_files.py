"""Mapping files of a pack: every mistake at once, with its line and what to do."""

from __future__ import annotations

import pytest

from rules.packfiles import Problems, Reader, read_yaml
from rules.platform_files import read_platforms
from store.model.matching import PlatformStatus

GOOD = """\
name: 12345热线
columns:
  number: 工单编号
  status: 状态
  content: [内容, content]
statuses:
  accepted: [已受理, 办理中]
  closed: 已办结
dates: ["%d.%m.%Y"]
"""


def problems_in(text: str, name: str = "12345") -> list[str]:
    """Return what is said of a mapping file."""
    problems = Problems()
    root = read_yaml(text.encode(), f"platforms/{name}.yaml", problems)
    if root is not None:
        read_platforms({name: root}, Reader(problems))
    return [str(problem) for problem in problems.found]


def test_reads_a_mapping() -> None:
    """Headings, words for a status and forms of dates are the pack's; the usual forms of dates need not be written."""
    problems = Problems()
    root = read_yaml(GOOD.encode(), "x", problems)
    assert root is not None
    (mapping,) = read_platforms({"12345": root}, Reader(problems)).values()

    assert problems.found == []
    assert mapping.columns == {"number": ("工单编号",), "status": ("状态",), "content": ("内容", "content")}
    assert mapping.statuses["办理中"] is PlatformStatus.ACCEPTED
    assert mapping.dates[0] == "%d.%m.%Y"
    assert "%Y年%m月%d日" in mapping.dates


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: 12345热线\n", "", "缺少“name”"),
        ("  number: 工单编号\n", "", "platforms/12345.yaml:3: columns: 缺少“number”"),
        ("  content: [内容, content]\n", "", "至少要有一列"),
        ("content]", "工单编号]", "列名“工单编号”已经是编号（number）"),
        ("closed: 已办结", "closed: 办理中", "“办理中”已经算作 accepted"),
        ("closed:", "finished:", "不认识的键“finished”"),
        ("%d.%m.%Y", "日月", "“日月”不是日期的写法"),
        ("columns:", "colums:", "是否想写“columns”"),
    ],
)
def test_mistakes_are_told(old: str, new: str, said: str) -> None:
    """A mistake is told with its line and key, in the words of whoever writes the file."""
    assert old in GOOD
    assert any(said in problem for problem in problems_in(GOOD.replace(old, new))), problems_in(GOOD.replace(old, new))


def test_names_of_files_are_ids() -> None:
    """A file name that could not stand in an address is refused."""
    assert any("不能作平台的代号" in problem for problem in problems_in(GOOD, "热线"))
