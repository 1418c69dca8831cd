"""Records of other government platforms: what a row of their files says, by the mapping of the pack.

Nothing is guessed: a status word or a date that the mapping does not know makes a bad row, told with row and column. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from channels.sheets import Row, read_sheet
from store.model.matching import PlatformStatus
from store.model.platforms import FIELDS, BadRow, Batch, GoodRow, PlatformMapping, PlatformRecord

_LONGEST_NUMBER, _LONGEST_FIELD, _LONGEST_CONTENT = 100, 500, 50_000  # characters
_SHOWN = 40
_ROUNDED = re.compile(r"[0-9](?:\.[0-9]+)?[Ee]\+?[0-9]{2}")  # 5.301E+17: what a spreadsheet left of a long number
_IGNORED = re.compile(r"[\s*＊:：]+")


class _BadCellError(Exception):
    """One cell cannot be taken."""

    def __init__(self, field: str, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.field, self.problem, self.remedy = field, problem, remedy


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which headings of a file stand for which field."""

    by_field: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, mapping: PlatformMapping, heads: Sequence[str]) -> _Columns:
        known = {_folded(head): head for head in reversed(heads)}
        found = {
            field: tuple(known[name] for heading in headings if (name := _folded(heading)) in known)
            for field, headings in mapping.columns.items()
        }
        return cls({field: headings for field, headings in found.items() if headings})


def read_batch(raw: bytes, mapping: PlatformMapping, timezone: str) -> Batch:
    """Return what the file *raw* of a platform says; times without a zone are those of *timezone*.

    Raises MalformedMessageError where it is no table of this platform at all.
    """
    sheet = read_sheet(raw, lambda heads: _known(mapping, heads), records=mapping.records)
    columns = _Columns.of(mapping, sheet.heads)
    good: list[GoodRow] = []
    bad = list(sheet.bad)
    for row in sheet.rows:
        try:
            good.append(GoodRow(place=row.place, record=_record(row, columns, mapping, timezone)))
        except _BadCellError as error:
            bad.append(_bad(row, columns, error))
    used = {heading for headings in columns.by_field.values() for heading in headings}
    return Batch(
        form=sheet.form,
        columns={field: headings[0] for field, headings in columns.by_field.items()},
        unread=tuple(head for head in sheet.heads if head not in used),
        good=tuple(good),
        bad=tuple(sorted(bad, key=lambda one: one.place)),
    )


def _known(mapping: PlatformMapping, heads: Sequence[str]) -> int:
    """Return how many fields have a column among *heads*; none where there is no number, by which a record is known again."""
    columns = _Columns.of(mapping, [head for head in heads if head]).by_field
    return len(columns) if "number" in columns else 0


def _folded(heading: str) -> str:
    return _IGNORED.sub("", unicodedata.normalize("NFKC", heading)).casefold()


def _record(row: Row, columns: _Columns, mapping: PlatformMapping, timezone: str) -> PlatformRecord:
    values = {field: _value(field, row, columns, mapping) for field in FIELDS}
    if values["platform"] and _folded(values["platform"]) not in {_folded(name) for name in (mapping.name, *mapping.names)}:
        raise _BadCellError(
            "platform", f"是“{values['platform'][:_SHOWN]}”的记录，不是{mapping.name}的", "放到那个平台的目录，或在映射文件的 names 里写上"
        )
    if not values["title"] and not values["content"]:
        raise _BadCellError("content", "标题和内容都是空的")
    return PlatformRecord(
        platform=mapping.id,
        number=_number(values["number"]),
        status=_status(values["status"], mapping),
        status_words=values["status"],
        name="" if any(word in values["name"] for word in mapping.withheld) else values["name"],
        **{field: values[field] for field in ("uscc", "contact", "phone", "address", "title", "content", "department")},
        reported_at=_moment("reported", values["reported"], mapping, timezone),
        changed_at=_moment("changed", values["changed"], mapping, timezone),
        cells=dict(row.cells),
    )


def _value(field: str, row: Row, columns: _Columns, mapping: PlatformMapping) -> str:
    """Return the first heading's cell that says something."""
    cells = (row.cells.get(heading, "").strip() for heading in columns.by_field.get(field, ()))
    value = next((cell for cell in cells if cell and cell not in mapping.blank), "")
    longest = _LONGEST_CONTENT if field == "content" else _LONGEST_FIELD
    if len(value) > longest:
        raise _BadCellError(field, f"有 {len(value)} 字，超过 {longest} 字", "多半是几行连成了一行，请核对引号")
    if field in {"number", "phone"} and _ROUNDED.fullmatch(value):
        raise _BadCellError(field, "在表格里被当成数字，末几位已经丢失", "请把这一列设为“文本”后重新导出")
    return value


def _number(text: str) -> str:
    number = unicodedata.normalize("NFKC", text)
    if not number:
        raise _BadCellError("number", "没有编号，以后认不出是同一件")
    if len(number) > _LONGEST_NUMBER:
        raise _BadCellError("number", f"编号有 {len(number)} 字，超过 {_LONGEST_NUMBER} 字")
    return number


def _status(text: str, mapping: PlatformMapping) -> PlatformStatus:
    if not text:
        raise _BadCellError("status", "没有状态")
    if text in mapping.statuses:
        return mapping.statuses[text]
    known = "、".join(list(mapping.statuses)[:12])
    raise _BadCellError("status", "不认识这个状态", f"认识的有：{known}；是新的说法，就写进映射文件的 statuses")


def _moment(field: str, text: str, mapping: PlatformMapping, timezone: str) -> datetime | None:
    if not text:
        return None
    moment = _iso(text) or next((found for form in mapping.dates if (found := _by_form(text, form))), None)
    if moment is None:
        raise _BadCellError(field, "不是认识的日期写法", "应如 2024-10-08 15:33:12；别的写法写进映射文件的 dates")
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _by_form(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is that of the district, see `_moment`
    except ValueError:
        return None


def _bad(row: Row, columns: _Columns, error: _BadCellError) -> BadRow:
    headings = columns.by_field.get(error.field, ())
    heading = headings[0] if headings else FIELDS[error.field]
    cell = " ".join(row.cells.get(heading, "").split())
    shown = cell if len(cell) <= _SHOWN else cell[: _SHOWN - 1] + "…"
    return BadRow(place=row.place, column=heading, cell=shown, problem=error.problem, remedy=error.remedy)
