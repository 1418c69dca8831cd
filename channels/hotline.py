"""From a call to a petition: the only module that knows what of a conversation is the caller's matter. Pure: a call in, a reading out.

Only what the caller says is evidence for rules. What the agent reads back counts for the fields of the form, where the caller agrees to it
or does not deny it; the agent's note is shown to whoever handles the matter and decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from channels import numbers, spoken
from channels.call import Call
from channels.call_name import caller_name
from channels.call_person import caller_address, caller_contact, caller_phone
from channels.call_view import Said, view_of
from channels.passage import shadow, tidy
from store.model.arrival import Channel
from store.model.letter import Letter
from store.model.petition import Found, Petition, Speaker, Turn

_WHO = {Speaker.CALLER: "来电人", Speaker.AGENT: "坐席", Speaker.OTHER: "其他"}
_TITLE_LENGTH = 48
_LEAST_TITLE = 8  # characters
_EARLY = 6  # sentences in which the matter is named
_MOST_CORRECTIONS = 10
_SENTENCE = re.compile(r"[^。！？!?；;]+[。！？!?；;]?")
_ANSWER_LEAD = re.compile(r"^(?:(?:没有|不是|是的|是|对|有的|有|好的|好|哎|你好|您好|老师|喂|请|我要|我想)+[，,。]+)+")
_INTRODUCES = re.compile(r"^(?:喂|[你您]好|我叫|我姓|姓|免贵|我是|我们是|我这边是|我们这边是|请问|是.{0,8}[吗嘛]|昆明|云南).{0,24}$")
_ASKS_FOR = re.compile(r"(?:我要|我想|想|要)?(?:反映|投诉|举报|咨询|问)(?:一下|的是)?.{4}|(?:希望|请|要求|能不能|可不可以|给能).{4}")


def read_petition(call: Call) -> Petition:
    """Return what the caller asks, each field with the turn that proves it; a field that nobody says is None."""
    view = view_of(call.turns)
    name = caller_name(view)
    contact, note = caller_contact(view, name)
    uscc = _code(view)
    content = _content(view)
    doubts = (
        *call.doubts,
        *islice(_corrected(view), _MOST_CORRECTIONS),
        *islice(_misread(view), _MOST_CORRECTIONS),
        *filter(None, [note, _remark(call)]),
    )
    return Petition(
        channel=Channel.HOTLINE,
        name=name,
        uscc=uscc,
        uscc_valid=None if uscc is None else numbers.is_valid(uscc.value),
        address=caller_address(view),
        contact=contact,
        phone=caller_phone(view, call.caller_number),
        title=_title(view),
        content=content,
        letter=_letter(call, doubts),
        turns=call.turns,
    )


def transcript(call: Call) -> str:
    """Return the call as people read it: its particulars, then who says what and when."""
    head = {"热线": call.line, "通话编号": call.call_id, "来电号码": call.caller_number, "话务员备注": call.note}
    lines = [f"{label}：{value}" for label, value in head.items() if value]
    return "\n".join([*lines, *([""] if lines else []), *(_line(turn) for turn in call.turns)])


def _line(turn: Turn) -> str:
    return f"{f'{turn.clock} ' if turn.clock else ''}{_WHO[turn.speaker]}：{turn.text}"


def _letter(call: Call, doubts: Sequence[str]) -> Letter:
    return Letter(date=call.started_at, text=transcript(call), doubts=tuple(doubts))


def _remark(call: Call) -> str:
    return f"话务员备注（仅供参考）：{tidy(call.note)}" if call.note else ""


def _corrected(view: Sequence[Said]) -> Iterator[str]:
    """Yield what the caller took back, with what stands instead: both are kept, the last counts."""
    for said in view:
        if said.is_caller:
            for correction in spoken.corrections(said.plain):
                old, new = said.plain[slice(*correction.old)], said.plain[slice(*correction.new)]
                at = f"在 {said.turn.clock} " if said.turn.clock else ""
                yield f"来电人{at}更正：先说“{old}”，后说“{new}”，以后说的为准"


def _misread(view: Sequence[Said]) -> Iterator[str]:
    """Yield the amounts an agent reads back that the caller never said and does not agree to."""
    told: set[float] = set()
    for index, said in enumerate(view):
        found = list(spoken.amounts(said.plain))
        if said.is_caller or said.is_agreed:
            told |= {value for _, value in found}
        elif told:
            later = {value for other in view[index + 1 : index + 3] if other.is_caller for _, value in spoken.amounts(other.plain)}
            if said.is_denied or later:
                wrong = [words for words, value in found if value not in told | later]
                yield from (f"坐席说的“{words}”来电人没有认可，以来电人说的为准" for words in wrong)


def _code(view: Sequence[Said]) -> Found | None:
    """Return the code somebody reads out; of several the last that is valid."""
    codes = [
        found for said in view for number in numbers.codes(said.digits.upper()) if (found := _read_out(said, number.start, number.end))
    ]
    valid = [found for found in codes if numbers.is_valid(found.value)]
    return next(reversed(valid), None) or next(reversed(codes), None)


def _read_out(said: Said, start: int, end: int) -> Found | None:
    found = said.found(start, end) if said.is_caller or said.is_agreed else None
    return None if found is None else Found(value=said.digits[start:end].upper(), how=found.how, span=found.span)


def _content(view: Sequence[Said]) -> str:
    """Return what the caller says, without fillers and turns that say nothing."""
    words = (spoken.without_fillers(said.turn.text) for said in view if said.is_caller and not spoken.says_little(said.plain))
    return "\n".join(filter(None, words))


def _title(view: Sequence[Said]) -> str:
    """Return the caller's sentence that says what it is about: one that asks or complains, else the first answer that is no introduction."""
    sentences = [
        _headline(tidy(spoken.without_fillers(sentence)))
        for said in view
        if said.is_caller
        for sentence in _SENTENCE.findall(said.turn.text)
        if not any(True for _ in spoken.spelled(shadow(sentence)))
    ]
    telling = [text for text in sentences if len(text) >= _LEAST_TITLE and not _INTRODUCES.match(shadow(text))]
    asking = next((text for text in telling[:_EARLY] if _ASKS_FOR.search(text)), "")
    return asking or next(iter(telling), "") or next(filter(None, sentences), "")


def _headline(sentence: str) -> str:
    """Return the first clauses of a sentence that make a line, without the yes or no to the agent's question before them."""
    text = _ANSWER_LEAD.sub("", sentence.strip("，,。；;、！!？? "), count=1)
    if len(text) <= _TITLE_LENGTH:
        return text
    clauses = re.split(r"(?<=[，,；;])", text)
    line = clauses[0]
    for clause in clauses[1:]:
        if len(line) + len(clause) > _TITLE_LENGTH:
            break
        line += clause
    line = line.rstrip("，,；;")
    return line if len(line) <= _TITLE_LENGTH else line[: _TITLE_LENGTH - 1] + "…"
