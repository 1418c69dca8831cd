"""How commands print: what strangers wrote cannot reach the terminal as anything but text."""

import json
from datetime import UTC, datetime

import pytest

from daemon.cli import output, show
from store.model.notice import Purpose


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("昆明青岚\t有限公司\n第二行", "昆明青岚\t有限公司\n第二行"),
        ("\x1b[2J\x1b]0;标题\x07", "\\x1b[2J\\x1b]0;标题\\x07"),
        ("a\rb\x00c\x7fd\x9be", "a\\x0db\\x00c\\x7fd\\x9be"),
        ("来信\udcb7.eml", "来信?.eml"),
        ("发票\u202exslx.exe\u2066\u200b\ufeff", "发票xslx.exe"),
    ],
)
def test_plain(text: str, expected: str) -> None:
    """Control characters become visible, marks that turn the reading direction or hide disappear, lines and tabs stay, odd bytes of names too."""
    assert output.plain(text) == expected


@pytest.mark.parametrize("text", ["[bold]粗[/bold]", "[/]", "见 [link=http://x.example]附件[/link]", ":smile:", "a" * 300])
def test_lines_are_printed_as_they_are(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets of a stranger are no markup, and a long line is not broken: it may be copied."""
    output.done(text)
    assert capsys.readouterr().out == text + "\n"


def test_trouble_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Trouble does not mix with a result that is piped on."""
    output.failed("打不开\x1b[31m")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "打不开\\x1b[31m\n")


def test_json_is_one_value(capsys: pytest.CaptureFixture[str]) -> None:
    """A program reads back what was meant, control characters included; Chinese is not escaped."""
    value = {"title": "发票\x1b[2J", "at": datetime(2024, 9, 2, tzinfo=UTC)}
    output.as_json(value)
    text = capsys.readouterr().out
    assert json.loads(text) == {"title": "发票\x1b[2J", "at": "2024-09-02 00:00:00+00:00"}
    assert "发票" in text
    assert "\x1b" not in text


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Every cell is text: markup, escapes and a row of a generator alike."""
    output.table(("件号", "诉求"), ((number, "[red]税\x1b[2J[/red]") for number in ("CG-2024-00001",)), title="件")
    text = capsys.readouterr().out
    assert "CG-2024-00001" in text
    assert "[red]税\\x1b[2J[/red]" in text
    assert "\x1b" not in text


def test_table_in_a_file_keeps_its_rows_on_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Off a terminal a row is as wide as it needs to be (within reason), so that `grep` finds a case with its state."""
    monkeypatch.delenv("COLUMNS", raising=False)
    output.table(("件号", "诉求", "状态"), [("CG-2024-00001", "税" * 40, "已交办")])
    assert [line for line in capsys.readouterr().out.splitlines() if "CG-2024-00001" in line and "已交办" in line]


def test_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to list is said in words, not shown as an empty frame."""
    output.table(("件号",), (), empty="还没有件。")
    assert capsys.readouterr().out == "还没有件。\n"


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2024, 12, 31, 16, 5, 59, tzinfo=UTC), "2025-01-01 00:05"),
        (None, ""),
    ],
)
def test_local_time(moment: datetime | None, expected: str) -> None:
    """People read the time of their own clock, to the minute."""
    assert output.local(moment) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("一二三四五", "一二三四五"), ("一二三四五六", "一二三四…"), ("一\n\n 二\t三", "一 二 三"), ("", "")],
)
def test_shorten(text: str, expected: str) -> None:
    """A title takes one line of a fixed width, and one that was cut shows it."""
    assert output.shorten(text, 5) == expected


def test_every_mail_has_a_name() -> None:
    """A list of mails names each by its purpose in Chinese; a purpose without a name would end the command."""
    assert set(show.PURPOSES) == {purpose.value for purpose in Purpose}
