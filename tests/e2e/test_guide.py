"""The page docs/改规则.md done over from beginning to end: every file written, every command run, every line of output compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.cli import run
from rules.rulebook import builtin_pack
from tests.e2e.instance import MAILBOX, ROOT

PAGE = ROOT / "docs" / "改规则.md"
CONFIG = f"""
[smtp]
listen = "127.0.0.1:0"
[relay]
folder = "outgoing"
[[district]]
pack = "chenggong"
mailboxes = ["{MAILBOX}"]
addresses = "addresses.toml"
"""
_BLOCK = re.compile(r"```(yaml|console)\n(.*?)```", re.DOTALL)
_APPENDED = " （加在末尾）"
_LEFT_OUT = "……"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an instance like the page's reader has it, with the pack that `zuozhen init` writes, every department with a mailbox."""
    ids = re.findall(r"^- \{id: (\w+)", (builtin_pack("chenggong") / "departments.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    boxes = "\n".join(f'{id_} = "{id_}@cg.example"' for id_ in ids)
    (tmp_path / "addresses.toml").write_text(f'[sender]\nname = "坐诊"\naddress = "{MAILBOX}"\n[departments]\n{boxes}\n', encoding="utf-8")
    (tmp_path / "zuozhen.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ZUOZHEN_CONFIG", raising=False)
    return tmp_path


@pytest.mark.timeout(300)  # it tries all the cases of the real pack three times
def test_the_guide_is_true(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever types what the page says sees what the page shows."""
    commands = 0
    for kind, text in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "yaml":
            _write(folder, text)
            continue
        for command, expected in _commands(text):
            said = _do(folder, command, capsys)
            assert re.fullmatch(_pattern(expected), said), f"$ {command}\n{said}"
            commands += 1
    assert commands > 10
    assert (folder / "演练.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def _write(folder: Path, text: str) -> None:
    head, _, rest = text.partition("\n")
    name = head.removeprefix("# ")
    path = folder / name.removesuffix(_APPENDED)
    before = path.read_text(encoding="utf-8") if name.endswith(_APPENDED) else f"{head}\n"
    path.write_text(before + rest, encoding="utf-8")


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a block with the output below it."""
    for part in text.split("$ ")[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def _do(folder: Path, command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command of the page and return all it says."""
    program, *words = command.split()
    if program == "mv":
        (folder / words[0]).rename(folder / words[1])
    else:
        assert program == "zuozhen"
        run(words)
    said = capsys.readouterr()
    return "\n".join(line.rstrip() for line in (said.err + said.out).split("\n"))


def _pattern(expected: str) -> str:
    """Return what the output must match; a line left out may be any number of lines, none included."""
    expected = re.sub(f"^{_LEFT_OUT}\n", _LEFT_OUT, expected, flags=re.MULTILINE)
    return ".*".join(f"(?s:{re.escape(part)})" for part in expected.split(_LEFT_OUT)).replace(".*", "(?s:.*)")
