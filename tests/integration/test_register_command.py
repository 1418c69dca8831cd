"""`zuozhen register` on an instance of its own: from a file and field by field, once however often, with a receipt to print."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docx
import pytest
import structlog

from daemon.cli import run

ENTRY = """
企业名称: 昆明瑞钰模具有限公司
联系人: 汪建波
联系电话: "13888010021"
诉求标题: 请求尽快批准增值税专用发票增额
诉求内容: |
  八月申请，至今没有批复。请税务局书面告知结果。
"""


@pytest.fixture
def config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Path]:
    """Return the configuration of a fresh instance."""
    loud = structlog.get_config()
    assert run(("init", str(tmp_path / "instance"))) == 0
    capsys.readouterr()
    yield tmp_path / "instance" / "zuozhen.toml"
    structlog.configure(**loud)


def register(config: Path, *words: str) -> int:
    """Run the command without waiting for a service."""
    return run(("register", "--wait", "0", "--by", "李明", *words, "--config", str(config)))


def test_from_a_file(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The entry is kept once, the second time, by another clerk, it is said to be there; the receipt bears the arrival's number."""
    source, receipt = config.parent / "a.yaml", config.parent / "回执.docx"
    source.write_text(ENTRY, encoding="utf-8")

    first = register(config, "--from", str(source), "--receipt", str(receipt), "--json"), json.loads(capsys.readouterr().out)
    second = register(config, "--from", str(source), "--by", "王芳", "--json"), json.loads(capsys.readouterr().out)

    assert first == (0, [{"arrival": "A-1", "is_new": True, "state": "accepted", "case": None}])
    assert second == (0, [{"arrival": "A-1", "is_new": False, "state": "accepted", "case": None}])
    paper = docx.Document(io.BytesIO(receipt.read_bytes()))
    assert any("A-1" in cell.text for row in paper.tables[0].rows for cell in row.cells)


@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
def test_a_slip_that_is_written_already(config: Path, capsys: pytest.CaptureFixture[str], codec: str) -> None:
    """The text of a .txt is kept to the byte, once; what it does not say under a heading of the form stands on the receipt as its content."""
    source, receipt = config.parent / "接待单.txt", config.parent / "回执.docx"
    written = "接待单\n来访：李舒，昆明童画时光艺术培训有限公司，13888010000\n诉求：办学许可证请按指南办理。\n".encode(codec)
    source.write_bytes(written)

    register(config, "--from", str(source), "--receipt", str(receipt))
    first = capsys.readouterr().out
    register(config, "--from", str(source), "--json")
    (second,) = json.loads(capsys.readouterr().out)

    assert "已登记：来件 A-1，服务还没有判断" in first
    assert (second["arrival"], second["is_new"]) == ("A-1", False)
    with closing(sqlite3.connect(config.parent / "data" / "zuozhen.db")) as database:
        assert database.execute("SELECT content FROM raws").fetchall() == [(written,)]
        assert database.execute("SELECT channel, peer FROM arrivals").fetchall() == [("window", "李明")]
    told = [cell.text for row in docx.Document(io.BytesIO(receipt.read_bytes())).tables[0].rows for cell in row.cells]
    assert "（见诉求内容）" in told
    assert any("请按指南办理" in text for text in told)


def test_what_is_no_text_is_not_registered(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A document of Word under the name of a text is refused with what to do, and nothing is kept."""
    source = config.parent / "接待单.txt"
    source.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512))

    assert register(config, "--from", str(source)) == 2
    assert "不是文本文件；请另存为" in capsys.readouterr().err


def test_nothing_is_kept_while_one_is_wrong(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every mistake of every entry is told, with which entry it is, and none is registered."""
    source = config.parent / "a.json"
    good = {"phone": "13888010021", "title": "停水", "content": "停水三天"}
    source.write_text(json.dumps([good, {**good, "phone": "1"}, {"title": "x", "标题": "y"}]), encoding="utf-8")

    code = register(config, "--from", str(source))
    err = capsys.readouterr().err
    source.write_text(json.dumps(good), encoding="utf-8")
    register(config, "--from", str(source), "--json")

    assert code == 2
    assert all(words in err for words in ("第 2 件", "“1”不是电话号码", "第 3 件", "不认识“标题”", "诉求内容没有填", "至少要填一项"))
    assert json.loads(capsys.readouterr().out)[0]["arrival"] == "A-1"


class _Terminal(io.StringIO):
    """What a clerk types."""

    def isatty(self) -> bool:
        """Be a terminal."""
        return True


def test_field_by_field(config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that cannot be is asked for again, a doubtful code twice; the content ends with a full stop; a way back is asked for."""
    typed = [
        "昆明瑞钰模具有限公司",
        "91530114MAA3CXG218",
        "91530114MAA3CXG217",
        "",
        "汪建波",
        "",
        "12",
        "",
        "",
        "停水",
        "停水三天",
        "请恢复",
        ".",
    ]
    monkeypatch.setattr("sys.stdin", _Terminal("\n".join([*typed, "13888010021", "", ""])))

    code = register(config)
    said = capsys.readouterr()

    assert code == 0, said.err
    assert "已登记：来件 A-1" in said.out
    assert all(words in said.err for words in ("校验不通过", "不是电话号码", "至少要填一项"))


@pytest.mark.parametrize(
    ("words", "message"),
    [((), "用 --from 文件"), (("--channel", "mail", "--from", "x"), "--channel 只能是"), (("--from", "没有.yaml"), "打不开")],
)
def test_mistakes_of_the_call(config: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str) -> None:
    """Without terminal and file, with a channel that is none, with a file that is not there: what to do is said."""
    assert register(config, *words) == 2
    assert message in capsys.readouterr().err
