"""Which return a mail is: of what its department owes the one that its words name, and nothing where they name several or another. Pure.

The kind is known by the pack's words for it (`deadlines.kinds.*.words`), sought in the subject and in the names of files first, in the body
only where those say nothing. Which of several (which month, which activity) is known by the periods, days and names that stand with it. What
is named and fits nothing that is owed is ticked off nowhere: a report of last month is none of this month.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from rules.deadline_kinds import Kind
from rules.period_words import Named, named
from store.owing import Subject, SubjectSort

_NOT_YET = re.compile(r"延期|推迟|稍后|随后|另行报送|将于|拟于|尚未|暂未|还没|未能|无法按[时期]|来不及|能否|可否|请问|是否|模板|撤回|作废")
_SPACE = re.compile(r"\s+")
_LEAST_TEXT = 60  # signs of a body that may be the report itself, where no file comes with it
SEARCHED = 20_000  # signs of a body that are searched
_ORDER = ("day", "half_month", "month", "quarter", "half_year", "year")


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What came: the subject of the mail, the names of its files, its writer's own words, and what the files say, by name.

    `answers` are the keys of what the mail of ours speaks of that it answers.
    """

    title: str
    files: tuple[str, ...]
    body: str
    documents: Mapping[str, str] = field(default_factory=dict)
    answers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What is owed, or was: of `subject` by `kind`; `runs` while it is."""

    subject: Subject
    kind: Kind
    runs: bool
    due: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """One thing that came, the words by which it was known, and what it was to speak of and does not."""

    owed: Owed
    words: tuple[str, ...]
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a mail is: what came, what had come before, and in Chinese why the rest is left to a person."""

    matched: tuple[Matched, ...] = ()
    already: tuple[Owed, ...] = ()
    doubts: tuple[str, ...] = ()


def kinds_in(handed: Handed, kinds: Sequence[Kind]) -> dict[str, tuple[str, ...]]:
    """Return by id the kinds that subject and files name, else those that the body names, each with the words that name it."""
    strong = mentions("\n".join((handed.title, *handed.files)), kinds)
    return strong or mentions(handed.body[:SEARCHED], kinds)


def find(handed: Handed, owed: Sequence[Owed], kinds: Sequence[Kind], today: date) -> Found:
    """Return which of *owed* the mail is, received on *today*; *kinds* are those of the pack that have words and count no days."""
    mentioned = kinds_in(handed, kinds)
    only = [one for one in owed if one.runs and one.subject.key in handed.answers]
    if not mentioned and len(only) == 1 and handed.files:
        mentioned = {only[0].kind.id: (f"回复了关于“{only[0].subject.key}”的提醒",)}
    if not mentioned:
        return Found(doubts=("没有看出报送的是哪一样（主题、附件名、正文里都没有认得的名称）",))
    postponed = _postponed(handed)
    if postponed:
        return Found(doubts=(f"信里写着“{postponed}”，像是还没有报送",))
    if not handed.files and len(_SPACE.sub("", handed.body)) < _LEAST_TEXT:
        return Found(doubts=("没有附件，正文也不像报送的材料",))
    if len(mentioned) > 1 and not mentions("\n".join((handed.title, *handed.files)), kinds):
        labels = "、".join(kind.label for kind in kinds if kind.id in mentioned)
        return Found(doubts=(f"正文里提到不止一样（{labels}），说不清报送的是哪一样",))
    return _resolved(handed, mentioned, owed, kinds, today)


def _resolved(handed: Handed, mentioned: Mapping[str, tuple[str, ...]], owed: Sequence[Owed], kinds: Sequence[Kind], today: date) -> Found:
    matched: list[Matched] = []
    already: list[Owed] = []
    doubts: list[str] = []
    for kind in (kind for kind in kinds if kind.id in mentioned):
        fitting, words = _fitting(handed, [one for one in owed if one.kind.id == kind.id], today)
        running = [one for one in fitting if one.runs]
        if len(running) > 1:
            running = [one for one in running if one.subject.key in handed.answers] or running
        if len(running) == 1:
            matched.append(Matched(owed=running[0], words=(*mentioned[kind.id], *words), lacks=_lacks(kind, handed)))
        elif running:
            doubts.append(f"“{kind.label}”有{len(running)}项在等，说不清是哪一项：{'、'.join(one.subject.key for one in running[:5])}")
        elif fitting and words:
            already += fitting[-1:]
        else:
            doubts.append(f"提到“{mentioned[kind.id][0]}”，但没有在等的“{kind.label}”{f'与“{words[0]}”相符' if words else ''}")
    return Found(matched=tuple(matched), already=tuple(already), doubts=tuple(doubts))


# ---------------------------------------------------------------- which kind


def mentions(text: str, kinds: Sequence[Kind]) -> dict[str, tuple[str, ...]]:
    """Return by kind the words of it in *text*; a word that is a part of a longer one of another kind says nothing (方案 in 实施方案)."""
    plain = plain_text(text)
    spots = [
        (match.start(), match.end(), kind.id, word)
        for kind in kinds
        for word in kind.words
        for match in re.finditer(re.escape(plain_text(word)), plain)
    ]
    found: dict[str, tuple[str, ...]] = {}
    for start, end, id_, word in spots:
        inside = any(s <= start and end <= e and e - s > end - start for s, e, other, _ in spots if other != id_)
        if not inside and word not in found.get(id_, ()):
            found[id_] = (*found.get(id_, ()), word)
    return found


def _postponed(handed: Handed) -> str:
    """Return the words in the subject, or in a short letter, that say that nothing is handed in yet; "" where there are none."""
    body = plain_text(handed.body)
    text = plain_text(handed.title) + "\n" + (body if len(body) < 2 * _LEAST_TEXT else "")
    found = _NOT_YET.search(text)
    return found[0] if found else ""


def plain_text(text: str) -> str:
    """Return *text* as words are sought in it: of one width, without spaces."""
    return _SPACE.sub("", unicodedata.normalize("NFKC", text))


# ---------------------------------------------------------------- which of several


def _fitting(handed: Handed, candidates: Sequence[Owed], today: date) -> tuple[list[Owed], tuple[str, ...]]:
    """Return those of *candidates* that the mail may mean, and the words by which they were told from others ("" where it names none)."""
    strong, body = plain_text("\n".join((handed.title, *handed.files))), plain_text(handed.body[:SEARCHED])
    for text in (strong, body):
        called = [one for one in candidates if plain_text(one.subject.key) in text]
        if called:
            return called, (called[-1].subject.key,)
    candidates, names = _of_activity(candidates, strong, body)
    for text in (strong, body):
        times = [time for time in named(text, today) if (time.first, time.last) != (today, today)]
        if times:
            fitting = [one for one in candidates if _is_meant(one, times)]
            told = [time.words for time in times if any(_is_meant(one, [time]) for one in fitting)] or [times[0].words]
            return fitting, (*names, told[0])
    return list(candidates), names


def _of_activity(candidates: Sequence[Owed], strong: str, body: str) -> tuple[Sequence[Owed], tuple[str, ...]]:
    """Leave out the activities of another name than the text names; what names none of them leaves all."""
    known = {name for one in candidates for name in (*one.kind.of, one.subject.of) if one.subject.sort is not SubjectSort.PERIOD}
    for text in (strong, body):
        names = [name for name in sorted(known) if name and plain_text(name) in text]
        if names:
            return [one for one in candidates if one.subject.of in names], tuple(names)
    return candidates, ()


def _is_meant(one: Owed, times: Sequence[Named]) -> bool:
    """Say whether *times* mean this: by those of its own measure where there are any, else by the finer, else by the coarser ones."""
    subject = one.subject
    unit = (one.kind.every or "day") if subject.sort is SubjectSort.PERIOD else "day"
    near = [time.in_year(subject.day.year) for time in times]
    same = [time for time in near if time.unit == unit]
    finer = [time for time in near if _ORDER.index(time.unit) < _ORDER.index(unit)]
    coarser = [time for time in near if _ORDER.index(time.unit) > _ORDER.index(unit)]
    if same and unit == "day":
        return any(subject.day <= time.first <= subject.until for time in same)
    if same:
        return any((time.first, time.last) == (subject.day, subject.until) for time in same)
    if finer and _years_fit(subject, coarser):
        return any(subject.day <= time.first and time.last <= subject.until for time in finer)
    return any(time.first <= subject.day and subject.until <= time.last for time in coarser)


def _years_fit(subject: Subject, coarser: Sequence[Named]) -> bool:
    years = [time for time in coarser if time.unit == "year" and time.has_year]
    return not years or any(time.first.year == subject.day.year for time in years)


# ---------------------------------------------------------------- what it says


def _lacks(kind: Kind, handed: Handed) -> tuple[str, ...]:
    """Return what a report of *kind* was to speak of and does not."""
    said = plain_text("\n".join((handed.title, handed.body, *handed.documents.values())))
    return tuple(wanted for wanted in kind.covers if plain_text(wanted.strip("“”")) not in said)
