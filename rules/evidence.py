"""Two reports side by side, so that a person sees whether they are one matter: fields aligned, words that both have marked. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from rules.sameness import details, enterprise, named_in
from store.model.matching import Candidate
from store.model.petition import Found, Petition
from store.particulars import code_key, masked_shapes, name_key, phone_keys, phone_shapes, sound_keys

_READ = 800  # characters of each content that are laid side by side
_SHORTEST = 4  # characters of a run that both have
_OPEN, _CLOSE = "【", "】"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the comparison; `agrees` is None where one side says nothing, or nothing can be concluded."""

    label: str
    this: str
    other: str
    agrees: bool | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A petition beside an earlier report: `enterprise` and `details` as of `rules.sameness`."""

    candidate: Candidate
    enterprise: str
    details: str
    rows: tuple[Row, ...]


def compare(petition: Petition, candidate: Candidate) -> Comparison:
    """Return *petition* beside *candidate*; in title and content what both say stands in 【】."""
    titles = _marked(petition.title, candidate.title)
    contents = _marked(_cut(petition.content), _cut(candidate.content))
    told, known = named_in(f"{petition.title}\n{petition.content}"), named_in(f"{candidate.title}\n{candidate.content}")
    return Comparison(
        candidate=candidate,
        enterprise=enterprise(petition, candidate),
        details=details(told, known),
        rows=(
            _name(_value(petition.name), candidate.name),
            _code(_value(petition.uscc), candidate.uscc),
            _phone(_value(petition.phone), candidate.phone),
            Row(label="标题", this=titles[0], other=titles[1]),
            Row(label="内容", this=contents[0], other=contents[1]),
        ),
    )


def _name(this: str, other: str) -> Row:
    if not (this and other):
        return Row(label="企业名称", this=this, other=other)
    if name_key(this) == name_key(other):
        return Row(label="企业名称", this=this, other=other, agrees=True)
    is_heard = not set(sound_keys(this)).isdisjoint(sound_keys(other))
    return Row(label="企业名称", this=this, other=other, agrees=None if is_heard else False, note="读音或简称相同" if is_heard else "")


def _code(this: str, other: str) -> Row:
    codes = code_key(this), code_key(other)
    return Row(label="信用代码", this=this, other=other, agrees=codes[0] == codes[1] if all(codes) else None)


def _phone(this: str, other: str) -> Row:
    if not (this and other):
        return Row(label="联系电话", this=this, other=other)
    if phone_keys(this) & phone_keys(other):
        return Row(label="联系电话", this=this, other=other, agrees=True)
    fits = phone_shapes(this) & phone_shapes(other) if masked_shapes(this) | masked_shapes(other) else set()
    return Row(label="联系电话", this=this, other=other, agrees=None if fits else False, note="打码后相符" if fits else "")


def _marked(this: str, other: str) -> tuple[str, str]:
    """Return both texts with the runs that both have in marks."""
    blocks = [block for block in SequenceMatcher(None, this, other, autojunk=False).get_matching_blocks() if block.size >= _SHORTEST]
    return (
        "".join(_pieces(this, [(block.a, block.a + block.size) for block in blocks])),
        "".join(_pieces(other, [(block.b, block.b + block.size) for block in blocks])),
    )


def _pieces(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[str]:
    at = 0
    for start, end in spans:
        yield f"{text[at:start]}{_OPEN}{text[start:end]}{_CLOSE}"
        at = end
    yield text[at:]


def _cut(text: str) -> str:
    return text if len(text) <= _READ else text[: _READ - 1] + "…"


def _value(found: Found | None) -> str:
    return found.value if found else ""
