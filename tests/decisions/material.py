"""What tests of decisions are made of: petitions from a few words, a pack from a few lines, the built-in pack loaded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rules.calendar import Calendar
from rules.calendar_folder import load_calendar
from rules.decide import decide
from rules.language import Infer
from rules.reference import Reference
from rules.rulebook import RuleBook, builtin_pack, load_pack
from rules.samples import candidates_of, petition_of
from rules.workbench.cases import case_files, read_cases
from store.model.arrival import Channel
from store.model.case import CaseState
from store.model.decision import Decision, Verdict
from store.model.letter import Address, Automatic, Letter
from store.model.matching import Candidate
from store.model.petition import Found, Petition, Span

NOW = datetime(2024, 10, 10, 2, tzinfo=UTC)

_PACK = {
    "pack.yaml": """
district: {id: small, name: 小区, programme: 接诉, document: 文件一号, coordinator: 服务局, timezone: Asia/Shanghai}
case_number: "S-{year}-{seq:03d}"
articles: {三（四）: 五个工作日内对接}
deadlines: {verification: {basis: 三（四）}}
supplements: {请求: 希望怎样解决, 事实: 事情的经过}
""",
    "departments.yaml": """
- {id: water, name: 水务局, duty: 供水, aliases: [自来水办]}
- {id: power, name: 电力局, duty: 供电}
- {id: law, name: 司法局, duty: 法律服务}
""",
    "grounds.yaml": """
- {number: 1, article: 二1, text: 没有明确请求的；, advice: 请补充。}
- {number: 2, article: 二2, text: 民事纠纷；, advice: 请协商或起诉。}
- {number: 3, article: 二3, text: 已进入程序；, advice: 请向办案机关了解。}
""",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PackCase:
    """One labelled case of the built-in pack. `departments` are those that may lead, the best first."""

    name: str
    petition: Petition
    verdict: str
    ground: int | None
    departments: tuple[str, ...]
    candidates: tuple[Candidate, ...] = ()


def found(value: str) -> Found:
    """Return *value* as a field read from the text."""
    return Found(value=value, how="text", span=Span(source="body", start=0, end=len(value), text=value))


def petition(title: str = "", content: str = "", *, channel: Channel = Channel.LETTER, **fields: str) -> Petition:
    """Return a petition of these words; *fields* are those of `Petition` that hold a `Found`."""
    bare = Petition(channel=channel, title=title, content=content, letter=Letter(subject=title, text=content))
    values: dict[str, Any] = {name: found(value) for name, value in fields.items()}
    return replace(bare, **values)


def automatic(kind: str) -> Petition:
    """Return a mail that its headers call automatic."""
    mail = petition("回执", "已收到", channel=Channel.MAIL)
    return replace(mail, letter=replace(mail.letter, automatic=Automatic(kind=kind, evidence="header")))


def from_sender(name: str, content: str) -> Petition:
    """Return a mail whose From header shows *name*."""
    mail = petition("", content, channel=Channel.MAIL)
    return replace(mail, letter=replace(mail.letter, sender=Address(name=name, address="a@example.cn")))


def candidate(case_id: int = 7, *, keys: Sequence[str] = ("name",), title: str = "", content: str = "", name: str = "") -> Candidate:
    """Return an earlier case of the same morning."""
    return Candidate(
        case_id=case_id,
        number=f"S-2024-{case_id:03d}",
        keys=tuple(keys),
        state=CaseState.ASSIGNED,
        verdict=Verdict.ACCEPT,
        name=name,
        title=title,
        content=content,
        received_at=NOW,
    )


def small_pack(folder: Path, *, lists: str, rules: str, extra: str = "") -> RuleBook:
    """Write a small pack under *folder* and load it; *extra* is added to pack.yaml."""
    files = {**_PACK, "lists/words.yaml": lists, "rules/rules.yaml": rules}
    files["pack.yaml"] += extra
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load_pack(folder)


@cache
def calendar() -> Calendar:
    """Return the product's calendar."""
    return load_calendar()


@cache
def chenggong() -> RuleBook:
    """Return the built-in pack of 呈贡."""
    return load_pack(builtin_pack("chenggong"))


def decided(rulebook: RuleBook, asked: Petition, candidates: Sequence[Candidate] = ()) -> Decision:
    """Decide *asked* with the plain evaluator."""
    return decided_by(rulebook, asked, Reference(rulebook.stages).infer, candidates)


def decided_by(rulebook: RuleBook, asked: Petition, infer: Infer, candidates: Sequence[Candidate] = ()) -> Decision:
    """Decide *asked* with the answers of *infer*."""
    return decide(asked, candidates, rulebook=rulebook, calendar=calendar(), infer=infer, now=NOW, engine="reference")


def pack_cases(name: str = "chenggong") -> list[PackCase]:
    """Return the labelled cases that come with the pack *name*."""
    folder = builtin_pack(name)
    return [
        PackCase(
            name=case.name,
            petition=petition_of(case.sample),
            verdict=case.verdict,
            ground=case.ground,
            departments=case.departments,
            candidates=candidates_of(case.sample, NOW),
        )
        for case in read_cases(case_files(folder, []), load_pack(folder).district)
    ]


def cases_of(path: Path) -> list[PackCase]:
    """Return the labelled cases that *path* holds."""
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [_pack_case(f"{path.stem}-{number}", row) for number, row in enumerate(rows)]


def _pack_case(name: str, row: dict[str, Any]) -> PackCase:
    fields = {"name": row["name"]} if "name" in row else {}
    channel = Channel(row.get("channel", "letter"))
    earlier = row.get("earlier")
    return PackCase(
        name=f"{name}-{row['title']}",
        petition=petition(row["title"], row["text"], channel=channel, **fields),
        verdict=row["verdict"],
        ground=row.get("ground"),
        departments=tuple(name for name in (row.get("department"), *row.get("other", [])) if name),
        candidates=(candidate(title=earlier["title"], content=earlier["text"], name=row["name"]),) if earlier else (),
    )
