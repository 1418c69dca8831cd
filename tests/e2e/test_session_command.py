"""`zuozhen session` as an operator calls it: who has booked, telephone calls, cancellations, what a program reads, and mistakes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import pytest
import structlog

from daemon import districts, rulebooks
from daemon.config_reader import load_config
from daemon.wiring import open_house
from rules.rulebook import load_pack
from store.model.notice import Purpose
from tests.e2e.instance import write_instance
from tests.e2e.test_cli import Here
from tests.integration.houses import Bench, Clock, Enterprise
from tests.integration.test_sessions import Hall, moment

KEY, BOOKED = "2024年第1期", "2024年第2期"

_quick_load = cache(load_pack)


@pytest.fixture(autouse=True)
def _load_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all commands load the product's own pack once."""
    for module in (districts, rulebooks):
        monkeypatch.setattr(module, "load_pack", _quick_load)


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


@dataclass(slots=True, kw_only=True)
class Booked:
    """An instance on which a service has run with the clock of a test: three enterprises have booked the session of 25 October."""

    here: Here
    config: Path
    enterprises: list[Enterprise]
    numbers: list[str]

    def numbers_called_up(self) -> list[str]:
        """Let the service run again on the day of the call-up; return whom it reminded."""
        return asyncio.run(self._called_up())

    async def _called_up(self) -> list[str]:
        async with open_house(load_config(self.config), now=Clock(moment(2024, 10, 22, 9))) as house:
            await house.sessions.tick()
            written = await house.stores.outbox.list(limit=1_000)
        letters = [one for one in written if one.notice.purpose is Purpose.BOOKING and "请按时到场" in one.notice.subject]
        return [one.case_number for one in sorted(letters, key=lambda one: one.id)]


async def _book(config: Path, enterprises: list[Enterprise]) -> list[str]:
    """Let a service take in a mail of each, and book them; return the numbers of their cases."""
    clock = Clock(moment(2024, 9, 9, 9))
    async with open_house(load_config(config), now=clock) as house:
        shared = Bench(house=house, clock=clock)
        await Hall(shared=shared).announce(BOOKED, date(2024, 10, 25))
        numbers = []
        for minute, enterprise in enumerate(enterprises):
            clock.now = moment(2024, 9, 18, 9, minute)
            numbers.append((await shared.opened(enterprise=enterprise)).number)
        await house.sessions.tick()
    return numbers


@pytest.fixture
def booked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Booked]:
    """Run the service until three have booked, and stop it: what follows is for the commands."""
    loud, config, enterprises = structlog.get_config(), write_instance(tmp_path, 25), [Enterprise() for _ in range(3)]
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
    numbers = asyncio.run(_book(config, enterprises))
    capsys.readouterr()
    yield Booked(here=Here(capsys, config), config=config, enterprises=enterprises, numbers=numbers)
    structlog.configure(**loud)


def test_who_has_booked_is_listed_called_and_cancelled(booked: Booked) -> None:
    """The list has numbers, enterprises and telephones; a call's result stands in it; a cancellation frees the place, not the case, and is not called up."""
    here = booked.here
    first = here("session", "show", BOOKED)
    assert first.code == 0, first.err
    assert f"{BOOKED}　花卉产业　2024-10-25　坐诊：属地街道办事处　已挂号 3 家" in first.out
    assert "建议陪诊：区税务局" in first.out
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in first.out.splitlines() if line.startswith("│")]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    for row, number, enterprise in zip(rows, booked.numbers, booked.enterprises, strict=True):
        assert {number, enterprise.name, enterprise.phone, "已挂号"} <= set(row)

    told = here("session", "call", BOOKED, booked.numbers[1], "--result", "已通知，届时到场", "--by", "李明")
    assert (told.code, told.out) == (0, f"{booked.numbers[1]} 的叫号结果已登记：已通知，届时到场\n"), told.err
    gone = here("session", "cancel", BOOKED, booked.numbers[0], "--reason", "企业来电，当日不在昆明", "--by", "李明")
    assert (gone.code, gone.out) == (0, f"{booked.numbers[0]} 在“{BOOKED}”的挂号已取消，诉求照常办理。\n"), gone.err
    again = here("session", "cancel", BOOKED, booked.numbers[0], "--by", "李明")
    assert (again.code, again.out) == (2, "")
    assert "这件在本期没有挂号，或已经取消" in again.err
    assert here("session", "call", BOOKED, booked.numbers[0], "--result", "无人接听", "--by", "李明").code == 2
    assert here("case", "show", booked.numbers[0], "--json").data["state"] == "assigned"

    data = here("session", "show", BOOKED, "--json").data
    assert (data["booked"], data["accompanying"]) == (2, ["swj"])
    assert [(row["number"], row["case"], row["state"], row["call"]) for row in data["bookings"]] == [
        (1, booked.numbers[0], "已取消", ""),
        (2, booked.numbers[1], "已挂号", "已通知，届时到场"),
        (3, booked.numbers[2], "已挂号", ""),
    ]
    history = here("activity", "show", BOOKED).out
    assert "李明：企业来电，当日不在昆明" in history
    assert "李明：已通知，届时到场" in history
    assert booked.numbers_called_up() == booked.numbers[1:]
