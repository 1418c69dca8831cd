"""The files under platforms/ of a pack: how the files of another government platform are read, one file a platform, named after its id.

name: 12345政务服务便民热线        # 12345.yaml
names: [12345热线]               # what may stand in the column platform
columns:
  number: [工单编号, order_no]    # headings, the first that says something counts; of nested JSON with dots
  status: 工单状态
  content: [诉求内容, content]
statuses:
  accepted: [已受理, 办理中]
  pending: [待审核]
  refused: [不予受理]
  closed: [已办结]
dates: ["%Y年%m月%d日"]           # besides 2024-10-08 15:33:12 and the like
blank: [—, 无]                   # cells that say nothing
withheld: [不愿透露]              # the enterprise is not named where its cell holds one of these
records: data.rows               # where in a JSON document the list lies
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime

from rules.packfiles import Node, Reader
from store.model.matching import PlatformStatus
from store.model.platforms import FIELDS, PlatformMapping

KEYS = ("name", "names", "columns", "statuses", "dates", "blank", "withheld", "records")
_REQUIRED = ("name", "columns", "statuses")
_REQUIRED_COLUMNS = ("number", "status")
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_LONGEST = 100
_TRIED = datetime(2024, 10, 8, 15, 33, 12)  # noqa: DTZ001 - a form of dates is tried with it, nothing is told by it

# What spreadsheets and platforms write; every mapping knows them. `dates` of a file come on top.
_USUAL_DATES = (
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%Y.%m.%d %H:%M",
    "%Y.%m.%d",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日 %H:%M",
    "%Y年%m月%d日",
    "%Y%m%d%H%M%S",
)


def read_platforms(roots: Mapping[str, Node], reader: Reader) -> dict[str, PlatformMapping]:
    """Return the mappings by id, *roots* being the files by name without folder and ending."""
    found = {}
    for name, root in roots.items():
        if not _ID.fullmatch(name):
            reader.problems.add(root, f"“{name}”不能作平台的代号", "文件名只用小写字母、数字、“_”和“-”，如 12345.yaml")
        elif (mapping := _mapping(name, root, reader)) is not None:
            found[name] = mapping
    return found


def _mapping(name: str, root: Node, reader: Reader) -> PlatformMapping | None:
    entries = reader.table(root, KEYS, _REQUIRED)

    def words(key: str) -> tuple[str, ...]:
        return reader.several(entries[key], lambda node: reader.text(node, longest=_LONGEST), what="词") if key in entries else ()

    called = reader.text(entries["name"]) if "name" in entries else None
    columns = _columns(entries["columns"], reader) if "columns" in entries else {}
    statuses = _statuses(entries["statuses"], reader) if "statuses" in entries else {}
    dates = _dates(entries["dates"], reader) if "dates" in entries else ()
    if called is None:
        return None
    return PlatformMapping(
        id=name,
        name=called,
        names=words("names"),
        columns=columns,
        statuses=statuses,
        dates=(*dates, *_USUAL_DATES),
        blank=words("blank"),
        withheld=words("withheld"),
        records=(reader.text(entries["records"]) or "") if "records" in entries else "",
    )


def _columns(node: Node, reader: Reader) -> dict[str, tuple[str, ...]]:
    entries = reader.table(node, tuple(FIELDS), _REQUIRED_COLUMNS)
    if not entries.keys() & {"title", "content"}:
        reader.problems.add(node, "标题（title）和内容（content）至少要有一列", "写上 content: 内容那一列的列名")
    taken: dict[str, str] = {}
    columns = {}
    for field, headings in entries.items():
        columns[field] = reader.several(headings, lambda item: reader.text(item, longest=_LONGEST), what="列名")
        for heading in columns[field]:
            other = taken.setdefault(unicodedata.normalize("NFKC", heading).casefold(), field)
            if other != field:
                reader.problems.add(headings, f"列名“{heading}”已经是{FIELDS[other]}（{other}）", "一列只能是一项")
    return columns


def _statuses(node: Node, reader: Reader) -> dict[str, PlatformStatus]:
    known = tuple(status.value for status in PlatformStatus)
    found: dict[str, PlatformStatus] = {}
    for key, words in reader.table(node, known).items():
        for word in reader.several(words, lambda item: reader.text(item, longest=_LONGEST), what="状态的词"):
            other = found.setdefault(word, PlatformStatus(key))
            if other is not PlatformStatus(key):
                reader.problems.add(words, f"“{word}”已经算作 {other.value}", "一个词只能是一种状态")
    return found


def _dates(node: Node, reader: Reader) -> tuple[str, ...]:
    def form(item: Node) -> str | None:
        text = reader.text(item, longest=_LONGEST)
        if text is not None and not _reads_itself(text):
            reader.problems.add(item, f"“{text}”不是日期的写法", "年月日时分秒写作 %Y %m %d %H %M %S，如 %Y年%m月%d日 %H:%M")
            return None
        return text

    return reader.several(node, form, what="日期的写法")


def _reads_itself(form: str) -> bool:
    """Say whether a date written in *form* is read back with year, month and day."""
    try:
        return datetime.strptime(_TRIED.strftime(form), form).date() == _TRIED.date()  # noqa: DTZ007 - as above
    except ValueError:
        return False
