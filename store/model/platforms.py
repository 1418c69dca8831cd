"""The words for what other government platforms tell us: a mapping of their columns, the record of one report, a batch of them.

No public schema of such records exists, so what a column or a word for a status means is data of the pack (`PlatformMapping`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from store.model.matching import PlatformStatus

# What a record may say, in the order in which it is shown; `number`, `status` and one of `title` and `content` it must say.
FIELDS: Mapping[str, str] = {
    "number": "编号",
    "status": "状态",
    "name": "企业名称",
    "uscc": "统一社会信用代码",
    "contact": "联系人",
    "phone": "联系电话",
    "address": "地址",
    "title": "标题",
    "content": "内容",
    "department": "承办单位",
    "reported": "提交时间",
    "changed": "更新时间",
    "platform": "平台",
}
STATUS_WORDS: Mapping[PlatformStatus, str] = {
    PlatformStatus.PENDING: "待审核",
    PlatformStatus.ACCEPTED: "已受理",
    PlatformStatus.CLOSED: "已办结",
    PlatformStatus.REFUSED: "不予受理",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformMapping:
    """How the files of one platform are read: a file under platforms/ of the pack.

    `columns` gives for each of `FIELDS` the headings under which it may stand (of nested JSON with dots: caller.phone), the first that
    says something counts. `blank` are cells that say nothing (—, 无), `withheld` words whose presence means that the enterprise is not named.
    """

    id: str
    name: str
    names: tuple[str, ...]  # what may stand in the column `platform`
    columns: Mapping[str, tuple[str, ...]]
    statuses: Mapping[str, PlatformStatus]  # the platform's word → ours
    dates: tuple[str, ...]  # besides ISO 8601, as strptime reads them
    blank: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    records: str = ""  # where in a JSON document the list lies (data.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformRecord:
    """One report as a row told it; what the row does not say is "". `cells` is the row as it stood, by heading."""

    platform: str
    number: str
    status: PlatformStatus
    status_words: str
    name: str
    uscc: str
    contact: str
    phone: str
    address: str
    title: str
    content: str
    department: str
    reported_at: datetime | None
    changed_at: datetime | None  # when it last changed there, None where the platform does not say
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """One row that cannot be taken: its line (of a text), row (of a sheet) or place (in a JSON list), its column, why, and what to do."""

    place: int
    column: str  # the heading as it stands in the file, "" where the whole row is meant
    cell: str  # what stands there, shortened
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        """One line for the operator."""
        where = f"第 {self.place} 行" + (f"“{self.column}”一列" if self.column else "")
        words = f"（{self.cell}）" if self.cell else ""
        return f"{where}{words}：{self.problem}" + (f"；{self.remedy}" if self.remedy else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodRow:
    """One row that can be taken, with its place as in `BadRow`."""

    place: int
    record: PlatformRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a file says: `form` how it was read (CSV, GB18030, comma …), `columns` the heading found for each field."""

    form: str
    columns: Mapping[str, str]
    unread: tuple[str, ...]  # headings that the mapping does not know
    good: tuple[GoodRow, ...]
    bad: tuple[BadRow, ...]


# ---------------------------------------------------------------- what the store keeps


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """One file or body as a door hands it over, with what it says. `key` is the door's own: the same again is not taken again."""

    district: str
    platform: str
    door: str  # "folder", "http", "file"
    key: str
    name: str  # of the file, "" for a body
    peer: str
    raw: bytes
    batch: Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBatch:
    """What became of one file or body: how many rows were good, and of those taken how many were new, changed, the same, or out of date.

    `is_done` is False while rows wait to be taken; `turned_back` counts those of the changed whose status went back.
    """

    id: int
    district: str
    platform: str
    door: str
    name: str
    peer: str
    at: datetime
    form: str
    is_done: bool
    good: int
    bad: tuple[BadRow, ...]
    taken: int
    added: int
    changed: int
    same: int
    older: int
    turned_back: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a record said at one time. `turned_from` is the status it went back from (closed → pending), None where it did not go back."""

    version: int
    at: datetime
    status: PlatformStatus
    status_words: str
    turned_from: PlatformStatus | None
    batch_id: int
    place: int
    arrival_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRecord:
    """One report as its platform told us last, and its versions, the newest first (in a list only the newest)."""

    id: int
    district: str
    platform: str
    number: str
    status: PlatformStatus
    status_words: str
    status_since: datetime
    reported_at: datetime
    name: str
    title: str
    content: str
    arrival_id: int
    versions: tuple[Version, ...]
