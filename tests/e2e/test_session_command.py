"""`zuozhen session` as an operator calls it: a session nobody has booked yet, what a program reads, and mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.instance import write_instance
from tests.e2e.test_cli import Here

KEY = "2024年第1期"


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Here:
    """Run commands in this process, on an instance with one session and one visit."""
    here = Here(capsys, write_instance(tmp_path, 25))
    for words in (
        (KEY, "--sort", "session", "--day", "2024-09-27", "--department", "swj", "--title", "助推民营经济发展"),
        ("走访一", "--sort", "activity", "--day", "2024-09-26", "--department", "swj"),
    ):
        said = here("activity", "announce", *words, "--by", "王芳")
        assert said.code == 0, said.err
    return here


def test_a_session_that_nobody_has_booked(here: Here) -> None:
    """Its day, host and theme stand there, and that no enterprise has booked; a program reads the same."""
    said, told = here("session", "show", KEY), here("session", "show", KEY, "--json")
    assert said.code == told.code == 0, said.err + told.err
    assert f"{KEY}　助推民营经济发展　2024-09-27　坐诊：区税务局　已挂号 0 家" in said.out
    assert "还没有企业挂号。" in said.out
    assert (told.data["key"], told.data["host"], told.data["booked"], told.data["bookings"]) == (KEY, "swj", 0, [])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show", "2024年第9期"), "2024年第9期"),
        (("show", "走访一"), "不是场次；用 zuozhen activity show 走访一 查看"),
        (("call", KEY, "CG-2024-00001", "--result", "已通知", "--by", "李明"), "CG-2024-00001"),
        (("call", KEY, "CG-2024-00001", "--result", "一\n二", "--by", "李明"), "结果写在一行里，不超过 200 字"),
        (("cancel", KEY, "CG-2024-00001", "--reason", "不能到场", "--by", "李明"), "CG-2024-00001"),
    ],
)
def test_a_mistake_is_told(here: Here, words: tuple[str, ...], told: str) -> None:
    """What is not there, or no session, or not written right, ends with 2 and a sentence that says so."""
    said = here("session", *words)
    assert said.code == 2, said.out
    assert told in said.err
