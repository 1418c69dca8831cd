"""An entry at the window: what is written is what is read, what is wrong is told in full, and the receipt says what was registered."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import docx
import pytest

from channels import registration
from channels.mime import text_letter
from channels.petition import read_petition
from channels.registration import Entry
from daemon.registering import entries_of, kept_arrival
from notifier.receipt_of_registration import Registered, receipt
from store.errors import ConfigError, UsageError
from store.model.arrival import Channel
from tests.sample_case import DISTRICT

NOW = datetime(2024, 10, 8, 1, 30, tzinfo=UTC)
FIELDS = {
    "name": "昆明瑞钰模具有限公司",
    "uscc": "91530114MAA3CXG217",
    "address": "呈贡区信息产业园B区6栋",
    "contact": "汪建波",
    "position": "经理",
    "phone": "13888010021",
    "mail": "office@enterprise.example",
    "title": "请求尽快批准发票增额",
    "content": "八月申请，至今没有批复。\n联系人：不是这一行\n\n请书面告知结果。",
}
ENTRY = Entry(fields=FIELDS, clerk="李明")


@pytest.mark.parametrize("channel", [Channel.WINDOW, Channel.LETTER])
def test_what_is_written_is_read(channel: Channel) -> None:
    """Every field comes back as it was entered, with its place; the mail address is the way back; labels inside the content are content."""
    parts = text_letter(registration.write(ENTRY))
    petition = read_petition(channel, parts.letter, {})

    for field in ("name", "uscc", "address", "contact", "phone"):
        found = getattr(petition, field)
        assert (found.value, found.how) == (FIELDS[field], "form")
        assert parts.letter.text[found.span.start : found.span.end] == FIELDS[field]
    assert (petition.title, petition.content, petition.uscc_valid) == (FIELDS["title"], FIELDS["content"], True)
    assert petition.letter.sender is not None
    assert petition.letter.sender.address == FIELDS["mail"]


def test_what_is_left_out_is_none() -> None:
    """An entry without name, code and mail is read without them; there is no way back by mail."""
    raw = registration.write(Entry(fields={"phone": "13888010021", "title": "停水", "content": "停水三天"}, clerk="李明"))
    petition = read_petition(Channel.WINDOW, text_letter(raw).letter, {})

    assert (petition.name, petition.uscc, petition.contact, petition.letter.sender) == (None, None, None, None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"title": ""}, "诉求标题没有填"),
        ({"content": " \n"}, "诉求内容没有填"),
        ({"mail": "nobody"}, "电子邮箱“nobody”不对"),
        ({"phone": "12"}, "联系电话“12”不是电话号码"),
        ({"phone": "", "mail": ""}, "至少要填一项"),
        ({"name": "甲" * 201}, "企业名称有 201 字"),
        ({"name": "甲\n联系电话：139"}, "只能写一行"),
    ],
)
def test_mistakes(changes: dict[str, str], words: str) -> None:
    """What cannot be registered is said in Chinese."""
    assert any(words in problem for problem in registration.problems_of(replace(ENTRY, fields={**FIELDS, **changes})))


def test_right_entry_has_no_problem() -> None:
    """A right entry has neither problem nor doubt; a wrong check digit is a doubt only."""
    assert (registration.problems_of(ENTRY), registration.doubts_of(ENTRY)) == ([], [])
    assert registration.doubts_of(replace(ENTRY, fields={**FIELDS, "uscc": "91530114MAA3CXG218"})) != []


def test_the_same_entry_is_the_same_arrival() -> None:
    """An entry registered again is known again; by another channel it is another."""
    one, again = (kept_arrival(ENTRY, Channel.WINDOW, "chenggong", NOW) for _ in range(2))
    letter = kept_arrival(ENTRY, Channel.LETTER, "chenggong", NOW)

    assert (one.source_key, one.content_key) == (again.source_key, again.content_key)
    assert letter.content_key != one.content_key


def test_file_of_entries(tmp_path: Path) -> None:
    """YAML and JSON, Chinese labels and English names, one and many."""
    path = tmp_path / "a.yaml"
    path.write_text("企业名称: 甲公司\n联系电话: 13888010021\n诉求标题: 停水\n诉求内容: |\n  一\n  二\n", encoding="utf-8")
    (one,) = entries_of(path, "李明")
    rest = '"title": "停水", "content": "x", "phone": "13888010021"'
    path.write_text(f'[{{"name": "乙", {rest}}}, {{"name": "丙", {rest}}}]', encoding="utf-8")
    many = entries_of(path, "李明")

    assert one.fields == {"name": "甲公司", "phone": "13888010021", "title": "停水", "content": "一\n二"}
    assert [entry.fields["name"] for entry in many] == ["乙", "丙"]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"a: [", "不是 UTF-8 的 YAML 或 JSON"),
        ("企业名称: 甲".encode("gb18030"), "不是 UTF-8 的 YAML 或 JSON"),
        ("名字: 甲".encode(), "不认识“名字”"),
        (b"[]\n---\n[]", "不是 UTF-8 的 YAML 或 JSON"),
        (b"text", "不是一件登记"),
        ("企业名称: [甲]".encode(), "应是文字"),
        (b"", "不是一件登记"),
    ],
)
def test_file_with_mistakes(tmp_path: Path, raw: bytes, words: str) -> None:
    """A file that is none is refused with what and where."""
    path = tmp_path / "a.yaml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError) as raised:
        entries_of(path, "李明")
    assert words in str(raised.value.problems[0])


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(UsageError, match="打不开"):
        entries_of(tmp_path / "no.yaml", "李明")


def test_receipt() -> None:
    """The receipt names what was registered, when and under which number, and promises nothing; the enterprise's words are words."""
    words = Registered(
        number="CG-2024-00001",
        arrival="A-7",
        channel="窗口",
        at=NOW,
        clerk="李明",
        name="昆明<b>瑞钰</b>模具有限公司",
        contact="汪建波",
        phone="13888010021",
        title="请求",
        content="一\n二",
    )
    paper = docx.Document(io.BytesIO(receipt(words, DISTRICT)))
    rows = {row.cells[0].text: row.cells[1].text for row in paper.tables[0].rows}
    text = "\n".join(paragraph.text for paragraph in paper.paragraphs)

    assert (rows["登记编号"], rows["企业名称"], rows["诉求内容"]) == ("CG-2024-00001", "昆明<b>瑞钰</b>模具有限公司", "一\n二")
    assert rows["登记时间"].startswith("2024年10月8日")
    assert "登记不等于受理" in text
    assert "CG-2024-00001" in text


def test_receipt_before_the_decision() -> None:
    """Where the service has not decided yet, the arrival's number stands for the case's."""
    words = Registered(
        number="", arrival="A-7", channel="信函", at=NOW, clerk="李明", name="", contact="", phone="", title="请求", content="x" * 2_000
    )
    paper = docx.Document(io.BytesIO(receipt(words, DISTRICT)))
    rows = {row.cells[0].text: row.cells[1].text for row in paper.tables[0].rows}

    assert rows["登记编号"].startswith("A-7")
    assert rows["企业名称"] == "（未填写）"
    assert rows["诉求内容"].endswith("……（以登记的全文为准）")
