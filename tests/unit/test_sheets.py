"""Files of other platforms: whatever their character set, separator and shape, good rows are read and bad ones told with row and column."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from channels import sheets
from channels.platform_petition import petition_of
from channels.platforms import read_batch
from rules.rulebook import builtin_pack, load_pack
from store.errors import MalformedMessageError
from store.model.arrival import Channel
from store.model.matching import PlatformStatus
from store.model.platforms import Batch, PlatformMapping

MAPPING = PlatformMapping(
    id="12345",
    name="12345热线",
    names=("12345",),
    columns={
        "number": ("工单编号", "order_no"),
        "status": ("状态", "status"),
        "name": ("企业名称", "enterprise"),
        "phone": ("联系电话", "caller.phone"),
        "content": ("内容", "content"),
        "reported": ("受理时间", "accepted_at"),
        "platform": ("platform",),
    },
    statuses={"已受理": PlatformStatus.ACCEPTED, "已办结": PlatformStatus.CLOSED, "待审核": PlatformStatus.PENDING},
    dates=("%Y年%m月%d日 %H:%M",),
    blank=("—", "无"),
    withheld=("不愿透露",),
)
HEADS = ("工单编号", "状态", "企业名称", "联系电话", "内容", "受理时间")
ROWS = (
    ("530100241008006620", "已受理", "昆明青岚花卉有限公司", "138****6405", "补贴没有到账，\n请求拨付", "2024-10-08 15:33:12"),
    ("530100241008006621", "已办结", "—", "13988702316", "水压低", "2024年10月8日 9:05"),
)


def read(raw: bytes) -> Batch:
    """Read a file by the mapping."""
    return read_batch(raw, MAPPING, "Asia/Shanghai")


def numbers(batch: Batch) -> list[str]:
    """Return the numbers of the good rows."""
    return [row.record.number for row in batch.good]


def csv_text(separator: str = ",", rows: Sequence[Sequence[str]] = (HEADS, *ROWS)) -> str:
    """Return rows as a spreadsheet writes them."""

    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if set(text) & {separator, "\n", '"'} else text

    return "\r\n".join(separator.join(map(cell, row)) for row in rows) + "\r\n"


def workbook(rows: Sequence[Sequence[object]], *, before: str = "") -> bytes:
    """Return rows as an XLSX workbook whose first sheet holds only *before*."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"}) as book:
        if before:
            book.add_worksheet("说明").write(0, 0, before)
        sheet = book.add_worksheet("工单")
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
    return target.getvalue()


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_reads_every_kind_of_csv(charset: str, separator: str) -> None:
    """The same list in any character set with any separator is the same records, cells with line ends included."""
    batch = read(csv_text(separator).encode(charset))

    assert batch.bad == ()
    assert [(row.record.name, row.record.phone, row.record.content) for row in batch.good] == [
        ("昆明青岚花卉有限公司", "138****6405", "补贴没有到账，\n请求拨付"),
        ("", "13988702316", "水压低"),
    ]
    assert [row.record.reported_at for row in batch.good] == [
        datetime(2024, 10, 8, 7, 33, 12, tzinfo=UTC),
        datetime(2024, 10, 8, 1, 5, tzinfo=UTC),
    ]
    assert [row.place for row in batch.good] == [2, 4]


def test_finds_the_headings_below_a_title() -> None:
    """Exports have a title and a date above the headings, and empty columns behind them."""
    batch = read(("12345工单导出,,,,,,\n导出时间：2024-10-09,,,,,,\n" + csv_text(rows=(HEADS, ROWS[1])).replace("\r\n", ",\n")).encode())

    assert numbers(batch) == ["530100241008006621"]
    assert batch.columns["number"] == "工单编号"


def test_malformed_csv_gives_its_good_rows() -> None:
    """An unpaired quotation mark, a row too long or too short: each is told with its line, and nothing else is lost to it."""
    text = (
        "工单编号,状态,内容\n"
        "1,已受理,好的\n"
        '2,已受理,"没有结束的引号\n'
        "3,已受理,下一行照收\n"
        "4,已受理,有,逗号\n"
        "5,已受理\n"
        '6,已受理,屏幕5"坏了\n'
        '7,已受理,"两行\n的内容"\n'
        '8,已受理,"引号"后面还有字\n'
        '9,已受理,"又一个没有结束\n'
    )
    batch = read(text.encode())

    assert numbers(batch) == ["1", "3", "6", "7"]
    assert [(one.place, one.problem) for one in batch.bad] == [
        (3, "引号没有成对"),
        (5, "有 4 格，表头有 3 格"),
        (6, "有 2 格，表头有 3 格"),
        (10, "引号没有成对"),
        (11, "引号没有成对"),
    ]


def test_bad_cells_are_told_with_row_and_column() -> None:
    """What the mapping does not know is never guessed: status, date, a number that a spreadsheet rounded, a record of another platform."""
    text = (
        "工单编号,状态,联系电话,内容,受理时间,platform\n"
        "1,已批转,1,a,2024-10-08,\n"
        "5.301E+17,已受理,1,a,,\n"
        ",已受理,1,a,,\n"
        "4,已受理,1.39887E+10,a,,\n"
        "5,已受理,1,a,昨天,\n"
        "6,已受理,1,,,\n"
        "7,已受理,1,a,,省平台\n"
        "8,,1,a,,\n"
        "9,已受理,1,a,2024-10-08,12345\n"
    )
    batch = read(text.encode())

    assert numbers(batch) == ["9"]
    assert [(one.place, one.column, one.cell) for one in batch.bad] == [
        (2, "状态", "已批转"),
        (3, "工单编号", "5.301E+17"),
        (4, "工单编号", ""),
        (5, "联系电话", "1.39887E+10"),
        (6, "受理时间", "昨天"),
        (7, "内容", ""),
        (8, "platform", "省平台"),
        (9, "状态", ""),
    ]
    assert str(batch.bad[0]).startswith("第 2 行“状态”一列（已批转）：不认识这个状态；认识的有：已受理、已办结、待审核")


def test_reads_a_workbook_with_its_types() -> None:
    """Dates and telephone numbers that the sheet holds as numbers are what a person sees; a number of 18 digits has lost its last ones."""
    moment = datetime(2024, 10, 8, 15, 33, 12)  # noqa: DTZ001 - a sheet knows no zones
    rows = (HEADS, ("A1", "已受理", "甲", 13988702316, "x", moment), (530100241008006620, "已受理", "乙", "1", "y", moment))
    batch = read(workbook(rows, before="填表说明"))

    assert batch.form == "XLSX（工作表“工单”）"
    (row,) = batch.good
    assert (row.place, row.record.phone, row.record.reported_at) == (2, "13988702316", datetime(2024, 10, 8, 7, 33, 12, tzinfo=UTC))
    assert [(one.place, one.column) for one in batch.bad] == [(3, "工单编号")]


def test_reads_json_and_jsonl() -> None:
    """A list, an object that holds one, one object alone, or one a line; numbers keep their last digits, nested objects are reached with dots."""
    one = {
        "order_no": 530100241008006620,
        "status": "已受理",
        "content": "x",
        "caller": {"phone": "1"},
        "enterprise": "某公司（来电人不愿透露）",
    }
    forms = (
        json.dumps([one, one]),
        json.dumps({"code": 0, "rows": [one, one]}),
        f"{json.dumps(one)}\n{json.dumps(one, ensure_ascii=False)}\n",
    )
    for text in forms:
        batch = read(text.encode())
        assert [(row.record.number, row.record.phone, row.record.name) for row in batch.good] == [("530100241008006620", "1", "")] * 2
        assert [row.place for row in batch.good] == [1, 2]
    assert numbers(read(json.dumps(one).encode())) == ["530100241008006620"]


def test_bad_lines_of_jsonl_are_told() -> None:
    """A line that is no JSON, or no object, does not cost the others."""
    batch = read(
        '{"order_no": "1", "status": "已受理", "content": "x"}\n{bad\n[1]\n{"order_no": "2", "status": "？", "content": "x"}'.encode()
    )

    assert numbers(batch) == ["1"]
    assert [(one.place, one.column) for one in batch.bad] == [(2, ""), (3, ""), (4, "status")]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "是空的"),
        (b" \n ", "是空的"),
        (b"a,b\n1,2\n", "没有找到表头"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "旧版 Excel"),
        (b"%PDF-1.7", "是 PDF"),
        (b"PK\x03\x04 cut off", "打不开"),
        (b'{"order_no": ', "不是可读的 JSON：第 1 行"),
        (b"[" * 100_000, "JSON"),
        (b"[1, 2]", ""),
    ],
)
def test_what_is_no_table_is_refused_whole(raw: bytes, words: str) -> None:
    """A file of which nothing can be read is refused with the reason and the next step."""
    if words:
        with pytest.raises(MalformedMessageError, match=words):
            read(raw)
    else:
        assert [one.problem for one in read(raw).bad] == ["不是一条记录（应为 { … }）"] * 2


def test_half_a_workbook_is_refused() -> None:
    """A workbook that was cut off on its way is not half read."""
    with pytest.raises(MalformedMessageError, match="没有传完"):
        read(workbook((HEADS, *ROWS))[:-200])


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond the limit is refused as a whole, with its size."""
    monkeypatch.setattr(sheets, "MOST_ROWS", 1)
    with pytest.raises(MalformedMessageError, match="有 2 行，超过 1 行"):
        read(csv_text().encode())


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: ("工单编号,状态,内容\n" + text).encode("utf-8", "replace")))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    """Whatever comes is read or refused in words; nothing else gets out."""
    with suppress(MalformedMessageError):
        assert all(row.record.number for row in read(raw).good)


def test_a_record_is_a_petition() -> None:
    """A record is compared like anything that comes in; a code that only its content names counts as its own."""
    text = "工单编号,状态,企业名称,联系电话,内容\n1,已受理,昆明启岭建筑工程有限公司,136****0775,昆明启岭建筑工程有限公司（91530100MA6K2HF5XE）反映欠款\n"
    (row,) = read(text.encode()).good
    petition = petition_of(row.record)

    assert petition.channel is Channel.PLATFORM
    assert petition.name is not None
    assert petition.uscc is not None
    assert petition.phone is not None
    assert (petition.name.value, petition.uscc.value, petition.phone.value) == (
        "昆明启岭建筑工程有限公司",
        "91530100MA6K2HF5XE",
        "136****0775",
    )
    assert petition.contact is None


def test_shipped_mappings_read_what_they_say() -> None:
    """Each shipped mapping reads a row under its first headings, with each of its status words."""
    for mapping in load_pack(builtin_pack("chenggong")).platforms.values():
        fields = {field: headings[0] for field, headings in mapping.columns.items()}
        values = {**dict.fromkeys(fields, "x"), "reported": "2024/10/8 9:05", "changed": "2024-10-09", "platform": mapping.names[0]}
        rows = [[{**values, "number": str(at), "status": word}[field] for field in fields] for at, word in enumerate(mapping.statuses)]
        batch = read_batch(csv_text(rows=(list(fields.values()), *rows)).encode(), mapping, "Asia/Shanghai")
        assert batch.bad == ()
        assert [row.record.status for row in batch.good] == list(mapping.statuses.values())
        assert set(mapping.statuses.values()) == set(PlatformStatus)
