"""From a letter to what it orders: the only module that knows when words of a reply are a command, and when they only look like one.

A command is a clause that a phrase of the pack fills from its beginning to its end; 尚未解决, 如已解决请…, 请问是否已解决 and a phrase in a longer sentence are
none. Where a reply says two things that cannot both be meant, it orders neither, and a doubt tells a person. Pure and linear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations

from channels.passage import Passage, shadow
from channels.reply_forms import filled_forms, form_commands, terms
from channels.reply_phrases import Clear, Phrases, Said, clear, date_of, number_of, phrases
from channels.reply_text import own_words
from channels.reply_ticks import Choice, choices
from store.model.letter import Letter
from store.model.petition import Span
from store.model.reply import Command, Reply, ReplyWords

_CLAUSE = re.compile(r"(?:^|(?<=[,;:。!?\n(~…【】]))[^,;:。!?\n]")
_SENTENCE_END = "。!?\n;"
_SENTENCE = 400  # signs of a sentence that are looked at before and after a phrase
_SOUGHT = 40_000  # signs of own words in which commands are sought
_LEAD = re.compile(
    r"[\s,;:。!、.)，；：！）~]*(?:(?:具体|办理|处理|退回|有关|相关)?(?:原因|理由|情况|说明|措施|内容)(?:如下|为|是)?[:：,，]\s*|因为)?"
)
_OURSELVES = re.compile("我(?!的)|本")  # 我司表示: is no report of another's words
_TRAIL = " \t\n,;:、，；：（("
_ABOUT_OTHERS = frozenset({"agree", "disagree", "rate", "withdraw", "unbook", "attend"})
_LONGEST = 4_000  # signs of a reason that is kept
_SHOWN = 40  # signs of quoted words in a doubt
_UNITS = ("days_unit", "limit_unit")
_RESULTS = ("answer.solved", "answer.explained", "answer.against_policy", "promise", "return")
_RATED = ("rate.satisfied", "rate.basically", "rate.dissatisfied")
# Pairs that cannot both be meant.
_OPPOSED = (*combinations(_RESULTS, 2), *combinations(_RATED, 2), ("agree", "disagree"), ("same", "separate"), ("attend", "unbook"))
# What names the unit that another command means.
_UNIT_OF = {
    "return": ("propose", "hand_over", "assign"),
    "agree": ("propose", "assign"),
    "disagree": ("propose", "assign"),
}
_NEEDS = {
    "promise": ("没有写限期几个工作日，或承诺几个工作日内答复", ("days", "limit", "until")),
    "ask_extension": ("没有写延长几个工作日", ("days", "until")),
    "extend": ("没有写延长几个工作日", ("days", "until")),
    "reopen": ("没有写限期几个工作日", ("days", "limit", "until")),
}


@dataclass(frozen=True, slots=True)
class _Place:
    """One phrase in the clear copy: `start` of its clause, and whether its sentence only told what it is about (<问题>)."""

    said: Said
    start: int

    @property
    def event(self) -> str:
        return self.said.act.partition(".")[0]


def read_reply(letter: Letter, words: ReplyWords, documents: Mapping[str, str] | None = None) -> Reply:
    """Return what *letter* orders, by *words*; *documents* are the texts of its attachments by name (`Petition.attachment_texts`).

    Never raises, whatever the bytes were.
    """
    own = own_words(letter.text, words)
    written = letter.date.date() if letter.date else None
    said, doubts = _commands(own.blanked, words, written)
    forms, unsure = filled_forms(own, documents or {}, reads_quoted=not said)
    commands, conflicts = _agreeing([*said, *form_commands(forms)])
    return Reply(
        new_text=own.words,
        commands=tuple(commands),
        doubts=(*doubts, *unsure, *conflicts),
        forms=tuple(forms),
        is_empty=not own.words and not forms,
    )


# ---------------------------------------------------------------- running text


def _commands(text: str, words: ReplyWords, written: date | None) -> tuple[list[Command], list[str]]:
    """Return the commands in *text*, in which all but the writer's own words is blank, and doubts."""
    boxed, lines = choices(shadow(text))
    plain = Passage(source="body", words=text, plain=text).without(lines).plain
    copy, long = clear(plain), []
    if len(copy.text) > _SOUGHT:
        copy, long = Clear(copy.text[:_SOUGHT], copy.origin[:_SOUGHT]), [f"正文过长，只在前 {_SOUGHT} 字里找了指令"]
    places, doubts = _places(copy, phrases(words), _Listed.of(words))
    ends = [*(place.start for place in places), len(copy.text)][1:]
    commands = []
    for index, (place, end) in enumerate(zip(places, ends, strict=True)):
        before = places[index - 1].said.end if index else 0
        commands.append(_command(text, copy, place, (before, end), written))
    ticked, unsure = _from_boxes(text, boxed)
    merged = _merged(sorted([*commands, *ticked], key=lambda command: command.span.start))
    doubts += [
        f"写的是“{place.said.slots[unit]}”，按工作日读"
        for place in places
        for unit in _UNITS
        if place.said.slots.get(unit, "工作日") != "工作日"
    ]
    return merged, [*doubts, *unsure, *long]


def _places(copy: Clear, known: Phrases, listed: _Listed) -> tuple[list[_Place], list[str]]:
    """Return where the phrases stand that are commands, in order; and doubts on those that come near."""
    text = copy.text
    found: list[_Place] = []
    doubts = []
    covered = 0
    for match in _CLAUSE.finditer(text):
        start = match.start()
        if start < covered:
            continue
        said = known.at(text, start)
        if said is None:
            continue
        covered = said.end
        sentence, closing = _sentence(text, start, said.end)
        why = listed.objection(said, text[sentence:start], text[start : said.end], text[said.end : closing + 1])
        if why is None and said.act == "unbook" and any(word in text for word in listed.instead):
            why = "像是想改期或由别人到场"
        if why is None:
            found.append(_Place(said, start))
        elif why:
            doubts.append(f"“{_shown(text[sentence:closing])}”{why}，没有当作指令")
    return found, doubts


def _sentence(text: str, start: int, end: int) -> tuple[int, int]:
    """Return where the sentence around [start, end) begins and ends, looked for `_SENTENCE` signs each way."""
    low, high = max(0, start - _SENTENCE), min(len(text), end + _SENTENCE)
    begins = max(text.rfind(sign, low, start) for sign in _SENTENCE_END) + 1
    return max(low, begins), min((at for sign in _SENTENCE_END if (at := text.find(sign, end, high)) >= 0), default=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """The lists of `ReplyWords.parts` by which a phrase is found to be no command."""

    conditions: tuple[str, ...]
    questions: tuple[str, ...]
    reported: tuple[str, ...]
    others: tuple[str, ...]
    hedges: tuple[str, ...]
    partial: tuple[str, ...]
    instead: tuple[str, ...]

    @classmethod
    def of(cls, words: ReplyWords) -> _Listed:
        """Take them from *words*."""
        return cls(**{name: tuple(map(shadow, words.parts.get(name, ()))) for name in cls.__slots__})

    def objection(self, said: Said, before: str, clause: str, after: str) -> str | None:
        """Return why the phrase in *clause*, between *before* and *after* of its sentence, is no command: "" without a word; None where it is one."""
        told = clause[: max(0, len(clause) - (said.end - said.start))] + said.slots.get("about", "")
        clauses = [part for part in re.split("[,:]", before) if part]
        is_open = any(part.removeprefix("请").startswith(self.conditions) for part in (*clauses, told)) or any(
            word in before + clause + after for word in self.questions
        )
        is_reported = bool(clauses) and clauses[-1].endswith(self.reported) and not _OURSELVES.match(clauses[-1])
        event = said.act.partition(".")[0]
        is_others = event in _ABOUT_OTHERS and any(word in (told if event == "withdraw" else before + told) for word in self.others)
        if is_open or is_reported or is_others or any(word in told for word in self.hedges):
            return ""
        if said.act == "answer.solved" and any(word in before + told + after for word in self.partial):
            return "像是只解决了一部分"
        return None


def _command(text: str, copy: Clear, place: _Place, around: tuple[int, int], written: date | None) -> Command:
    """Return the command at *place*, its reason from the words between the commands *around* it."""
    said = place.said
    start, end = copy.original(said.start, said.end)
    following = text[end : copy.original(around[1], around[1])[0]] if around[1] < len(copy.text) else text[end:]
    before = text[copy.original(around[0], around[0])[0] : start] if around[0] < said.start else ""
    detail = said.act.partition(".")[2]
    days, limit = (number_of(said.slots[name]) if name in said.slots else None for name in ("days", "limit"))
    return Command(
        event=place.event,
        span=Span(source="body", start=start, end=end, text=text[start:end]),
        days=days,
        limit=limit,
        until=date_of(said.slots["until"], written) if "until" in said.slots else None,
        result=detail if place.event == "answer" else "",
        rating=detail if place.event == "rate" else "",
        department=said.slots.get("unit", "").strip('"“”'),
        number=said.slots.get("number", "").upper(),
        text=_reason(following) or _reason(before),
    )


def _reason(words: str) -> str:
    lead = _LEAD.match(words)
    lines = [line.strip() for line in words[lead.end() if lead else 0 :].rstrip(_TRAIL).split("\n")]
    return "\n".join(line for line in lines if line)[:_LONGEST]


def _merged(commands: list[Command]) -> list[Command]:
    """Return *commands* with those put together that say one thing in two clauses: 退回 and the unit proposed, 不同意 and 改派."""
    merged: list[Command] = []
    for command in commands:
        last = next((one for one in reversed(merged) if _goes_with(one, command)), None)
        if last is None:
            merged.append(command)
            continue
        merged[merged.index(last)] = replace(
            last,
            days=last.days or command.days,
            limit=last.limit or command.limit,
            until=last.until or command.until,
            department=last.department or command.department,
            number=last.number or command.number,
            text=last.text if command.text in last.text else f"{last.text}\n{command.text}".strip(),
        )
    return [replace(command, event="assign") if command.event == "propose" else command for command in merged if not _is_loose(command)]


def _is_loose(command: Command) -> bool:
    """Whether *command* is a term that nothing stands before, or a unit proposed (建议由…) without 退回; one that is asked (请交由…) is an order."""
    return command.event == "term" or (command.event == "propose" and not command.span.text.startswith(("请", "請", "应", "應")))


def _goes_with(one: Command, command: Command) -> bool:
    if one.event == command.event:
        return (one.result, one.rating) == (command.result, command.rating) and (
            one.number == command.number or not (one.number and command.number)
        )
    if command.event == "term":
        return one.event in _NEEDS and not (one.days or one.limit or one.until)
    return command.event in _UNIT_OF.get(one.event, ())


def _from_boxes(text: str, boxed: list[Choice]) -> tuple[list[Command], list[str]]:
    """Return what boxes ticked in the body order; what stands behind the ticked word in its line is its reason."""
    commands, doubts = [], []
    for choice in boxed:
        words = text[choice.start : choice.end]
        if not choice.value:
            doubts.append(f"“{_shown(words)}”勾选了不止一项，没有当作指令")
            continue
        span = Span(source="body", start=choice.start, end=choice.end, text=words)
        line_end = text.find("\n", choice.word_end)
        rest = text[choice.word_end : line_end if line_end >= 0 else len(text)]
        commands.append(_ticked(choice, span, rest))
    return commands, doubts


def _ticked(choice: Choice, span: Span, rest: str) -> Command:
    if choice.group == "rating":
        return Command(event="rate", span=span, rating=choice.value, text=_reason(rest))
    if choice.value == "promised":
        days, limit = terms(rest)
        return Command(event="promise", span=span, days=days, limit=limit)
    return Command(event="answer", span=span, result="solved" if choice.value == "solved" else "explained", text=_reason(rest))


def _agreeing(commands: list[Command]) -> tuple[list[Command], list[str]]:
    """Return *commands* without those that contradict each other or lack what they need, and a doubt for each of these."""
    doubts = []
    kept: list[Command] = []
    for command in commands:
        lacking, names = _NEEDS.get(command.event, ("", ()))
        if names and not any(getattr(command, name) for name in names):
            doubts.append(f"写了“{_shown(command.span.text)}”，{lacking}")
        elif not any(_is_same(command, one) for one in kept):
            kept.append(command)
    if any(command.result == "against_policy" for command in kept):  # 不能办理，与政策不符: the second says why
        kept = [command for command in kept if command.result != "explained"]
    if any(command.event == "withdraw" for command in kept):  # who withdraws the matter has no use for its place
        kept = [command for command in kept if command.event != "unbook"]
    opposed: list[Command] = []
    for one, other in _OPPOSED:
        sides = [[command for command in kept if _is(command, side)] for side in (one, other)]
        if all(sides):
            words = "”和“".join(_shown(side[0].span.text) for side in sides)
            doubts.append(f"既写“{words}”，不知以哪个为准，都没有当作指令")
            opposed += [*sides[0], *sides[1]]
    return [command for command in kept if command not in opposed], doubts


def _is_same(command: Command, other: Command) -> bool:
    return (command.event, command.result, command.rating, command.department, command.number) == (
        other.event,
        other.result,
        other.rating,
        other.department,
        other.number,
    ) and command.days in {None, other.days}


def _is(command: Command, side: str) -> bool:
    event, _, detail = side.partition(".")
    return command.event == event and (not detail or detail in {command.result, command.rating})


def _shown(words: str) -> str:
    words = "".join(words.split())
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}……"
