"""What a database of the past says of a pack: lists that occur too often or never, rules and branches that never mattered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon.cli import run
from daemon.config import StoreSection
from daemon.past import Span
from daemon.survey import occurrence, watched
from rules.rulebook import load_pack
from rules.workbench.coverage import coverage
from store.errors import UsageError
from store.history import Period
from tests.integration.past import LETTERS, history, small_pack

FOLLOWS = """
- rule: 同一电话
  about: 同一电话
  basis: policy
  when: {all: [{candidate: {same: [phone]}}, {any: [{mention: 停电}, {mention: 诉讼}]}]}
  then: {urgent: true}
"""
PHONE = "\n\n联系人：沈秋实\n联系电话：13800000001\n"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Return the small pack with a rule on earlier cases."""
    folder = small_pack(tmp_path / "mine")
    (folder / "rules" / "90.yaml").write_text(FOLLOWS, encoding="utf-8")
    return folder


def span(url: str, district: str = "lint") -> Span:
    """Return the whole past of a district."""
    return Span(store=StoreSection(url=url), period=Period(district=district))


def configured(folder: Path, pack: Path, url: str) -> str:
    """Write the configuration of an instance with that database; return its path."""
    (folder / "addresses.toml").write_text('[sender]\nname = "坐诊"\naddress = "zuozhen@example.org"\n', encoding="utf-8")
    (folder / "zuozhen.toml").write_text(
        f'[store]\nurl = "{url}"\n[relay]\nfolder = "out"\n[[district]]\npack = "{pack}"\n'
        'mailboxes = ["zuozhen@example.org"]\naddresses = "addresses.toml"\n',
        encoding="utf-8",
    )
    return str(folder / "zuozhen.toml")


async def test_each_list_counts_once_a_petition(pack: Path) -> None:
    """A list is counted in every petition in which it occurs, once however often; progress runs from none to all."""
    told: list[tuple[int, int]] = []
    async with history(pack, (*LETTERS, "标题：路灯\n\n门口路灯不亮。")) as (_, url):
        found = await asyncio.to_thread(occurrence, load_pack(pack), span(url), lambda *step: told.append(step), processes=1)

    assert found.total == 5
    assert dict(found.found) == {"停水": 2, "停电": 1, "欠款": 1}
    assert (told[0], told[-1]) == ((0, 5), (5, 5))


async def test_rules_see_the_cases_of_the_time(pack: Path) -> None:
    """A rule on earlier cases is met by a past that had them, its branch that never held is not."""
    book = load_pack(pack)
    async with history(pack, tuple(letter + PHONE for letter in LETTERS)) as (_, url):
        petitions, seen = await asyncio.to_thread(watched, book, span(url), lambda *_: None, processes=1)

    assert petitions == 4
    assert (seen.rules["事项_停水"], seen.rules["同一电话"]) == (2, 1)
    assert [gap.branch for gap in coverage(book, seen).gaps if gap.rule == "同一电话"] == ["任一：提到“诉讼”"]


async def test_a_past_without_petitions_is_told(pack: Path) -> None:
    """No verdict is made of nothing: the operator learns that there is no past of this district."""
    async with history(pack, LETTERS[:1]) as (_, url):
        for survey in (occurrence, watched):
            with pytest.raises(UsageError, match="没有 other 判断过的来件"):
                await asyncio.to_thread(survey, load_pack(pack), span(url, "other"), lambda *_: None)


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str


Zuozhen = Callable[..., Awaitable[Said]]


@pytest.fixture
async def zuozhen(pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Zuozhen]:
    """Give the command, on an instance in which four letters have been decided by *pack*."""
    async with history(pack, LETTERS) as (_, url):
        config = configured(tmp_path, pack, url)

        async def call(*words: str) -> Said:
            capsys.readouterr()
            code = await asyncio.to_thread(run, ("rules", *words, "--config", config))
            said = capsys.readouterr()
            return Said(code, said.out, said.err)

        yield call


async def test_lint_tells_what_is_too_common(zuozhen: Zuozhen) -> None:
    """A list that routes and stands in half of the petitions is told with its line; without the past nobody knows."""
    said = await zuozhen("lint", "--history")

    assert said.code == 1
    assert "mine/lists/words.yaml:2: ZZ206 警告: 停水: 过去的来件有 50% 提到它，分不出事项" in said.out
    assert "ZZ206" not in (await zuozhen("lint")).out


async def test_coverage_by_the_past(zuozhen: Zuozhen) -> None:
    """The gaps are those of the past, the figures say how many petitions they rest on, and the gate holds."""
    said = await zuozhen("coverage", "--history", "--at-least", "1")
    data = json.loads((await zuozhen("coverage", "--history", "--json")).out)

    assert said.code == 1
    assert "mine/rules/90.yaml:2: 同一电话: 从没有成立过" in said.out
    assert "按登记过的 4 件来件，规则 3/6 条成立过" in said.out
    assert (data["petitions"], data["rules_fired"]) == (4, 3)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(("lint", "--history", "--since", "2024-10-10"), "没有 lint 判断过的来件", id="nothing-since"),
        pytest.param(("lint", "--since", "2024-10-09"), "--since 要与 --history 合用", id="day-alone"),
        pytest.param(("coverage", "mine", "case.yaml", "--history"), "不要再给用例", id="cases-too"),
    ],
)
async def test_what_makes_no_sense_is_told(
    zuozhen: Zuozhen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    """Options that do not go together, and a span without petitions, end with 2 and the reason."""
    monkeypatch.chdir(tmp_path)
    said = await zuozhen(*words)

    assert said.code == 2
    assert why in said.err
