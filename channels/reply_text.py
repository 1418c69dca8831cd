"""What is new in a reply: the only module that knows where in it our own mail stands though no client marked it, and what ends a writer's words.

Quotations and the clients' own lines are `channels.quoting`'s business, signatures `channels.signing`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from channels.passage import cut, shadow
from channels.quoting import Split, split
from channels.reply_ticks import EMPTY, TICKED
from channels.signing import signature
from store.model.reply import ReplyWords

READ = 400_000  # characters of a body that are read; what a person writes himself stands well within
_SIGNATURE_MARK = re.compile(r"--|——")
_SALUTATION = re.compile(r".{2,40}[局委办会院队站所心街道镇乡部厅处科]:|您好[!。,]?")
_OUR_NUMBER = re.compile(r"编\s{0,4}号\s{0,2}:?\s{0,2}[A-Z]{1,4}-[0-9]{4}-[0-9]")
_MARKS = re.compile(r"(?:> ?)+")
_BOXES = re.compile(f"[{TICKED}{EMPTY}]")
_SIGNED = 14  # lines a signature has at most

_Range = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """The writer's own words: `ranges` of the text are not his. `quoted` is what he carried along, without its marks, one level only."""

    text: str
    foreign: tuple[_Range, ...]
    quoted: str

    @property
    def words(self) -> str:
        """His own words, blank lines single."""
        lines = [line.rstrip().replace("\u00a0", " ") for line in cut(self.text, self.foreign).split("\n")]
        return "\n".join(line for line, before in zip(lines, ["", *lines], strict=False) if line or before).strip()

    @property
    def blanked(self) -> str:
        """The text with all else blank, so that offsets stay."""
        parts, at = [], 0
        for start, end in sorted(self.foreign):
            if end > at:
                parts += [self.text[at : max(start, at)], re.sub(r"[^\n]", " ", self.text[max(start, at) : end])]
                at = end
        return "".join([*parts, self.text[at:]])


def own_words(text: str, words: ReplyWords) -> Own:
    """Take *text* apart. Linear in its length, of which `READ` characters are read."""
    text = text[:READ].replace("\r", " ")
    parts = split(text)
    foreign = [*_quoted(text, parts, words)]
    foreign += _below_mark(Own(text=text, foreign=tuple(foreign), quoted="").blanked)
    foreign += parts.dropped
    own = Own(text=text, foreign=tuple(foreign), quoted="")
    foreign += _unmarked(own.blanked, words)
    own = Own(text=text, foreign=tuple(foreign), quoted="")
    foreign += _endings(own.blanked, words)
    return Own(text=text, foreign=tuple(foreign), quoted=_first_level(text, parts))


def _quoted(text: str, parts: Split, words: ReplyWords) -> Iterator[_Range]:
    """Yield the quotations; where nothing stands above one that no signs mark, what stands below the end of our mail in it is the writer's."""
    has_own = bool(cut(text, parts.foreign).strip())
    for part in parts.quoted:
        is_marked = shadow(text[part.start : part.start + 1]) == ">"
        end = part.end
        if not has_own and not is_marked:
            last = max((text.rfind(line, part.start, part.end) for line in words.parts.get("ours", ())), default=-1)
            if last >= 0 and (below := text.find("\n", last, part.end)) >= 0:
                end = below
        yield part.start, end


def _unmarked(blanked: str, words: ReplyWords) -> Iterator[_Range]:
    """Yield what stands below the line above which to answer, and our mail where the client carried it along without any sign."""
    places = list(_lines(blanked))
    lines = [shadow(blanked[slice(*place)]).strip() for place in places]
    cuts, ours = _plain_of(words, "cut"), _plain_of(words, "ours")
    told = next((index for index, line in enumerate(lines) if any(word in line for word in cuts)), None)
    if told is not None:
        yield places[told][0], len(blanked)
        del lines[told:]
    marked = [index for index, line in enumerate(lines) if any(word in line for word in ours)]
    if not marked:
        return
    first = _salutation(lines, marked[0])
    if first is None:
        yield from (places[index] for index in marked)
        return
    is_top_posted = any(lines[:first])
    yield places[first][0], len(blanked) if is_top_posted else places[marked[-1]][1]


def _salutation(lines: list[str], marked: int) -> int | None:
    """Return the line with which our mail begins, whose words stand in line *marked*: the last salutation before it tells the case's number.

    The writer may greet above it, and the petition in it may greet below.
    """
    number = next((index for index in range(marked) if _OUR_NUMBER.search(lines[index])), marked)
    return next((index for index in range(number, -1, -1) if _SALUTATION.fullmatch(lines[index])), None)


def _endings(blanked: str, words: ReplyWords) -> Iterator[_Range]:
    """Yield the disclaimer and the signature at the end of the writer's words."""
    lines = [place for place in _lines(blanked) if blanked[slice(*place)].strip()]
    disclaimers = _plain_of(words, "disclaimers")
    for start, end in lines[1:]:
        if shadow(blanked[start:end]).strip(" *[【(").startswith(disclaimers):
            yield start, len(blanked)
            blanked = blanked[:start]
            break
    yield from (place for place in _signed(shadow(blanked)) if place[0] > lines[0][0])


def _below_mark(blanked: str) -> list[_Range]:
    """Return what stands below the line "--" with which clients part the signature (RFC 3676, 4.3), where it is as short as one."""
    lines = [place for place in _lines(blanked) if blanked[slice(*place)].strip()]
    marked = (start for start, end in lines[-_SIGNED:] if start > lines[0][0] and _SIGNATURE_MARK.fullmatch(blanked[start:end].strip()))
    return [(start, len(blanked)) for start in marked][:1]


def _signed(plain: str) -> list[_Range]:
    """Return the lines of the signature that say who writes; thanks and closing words above them are words of his, and so are lines with boxes."""
    block = signature(plain)
    named = [start for start, end in block.lines if any(start <= mark.start < end for mark in block.marks)]
    boxed = [end for start, end in block.lines if _BOXES.search(plain[start:end])]
    first = max([*named[:1], *boxed[-1:]], default=0)
    return [place for place in block.lines if place[0] >= first] if named else []


def _first_level(text: str, parts: Split) -> str:
    """Return the quoted mail without its marks; what it quotes in its turn is left out."""
    kept: list[str] = []
    for part in parts.quoted:
        for line in text[part.start : part.end].split("\n"):
            marks = _MARKS.match(line)
            depth = marks[0].count(">") if marks else 0
            if depth <= 1:
                kept.append(line[marks.end() :] if marks else line)
    return "\n".join(kept)


def _plain_of(words: ReplyWords, part: str) -> tuple[str, ...]:
    return tuple(map(shadow, words.parts.get(part, ())))


def _lines(text: str) -> Iterator[_Range]:
    at = 0
    for line in text.split("\n"):
        yield at, at + len(line)
        at += len(line) + 1
