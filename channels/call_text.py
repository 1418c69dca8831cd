"""Calls written as text: 坐席：… lines, SRT and WebVTT subtitles. The only module that knows how these mark speakers and times."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

from channels.call import Spoken

IsVoice = Callable[[str], bool]

_CLOCK = r"(?:(?P<h>\d{1,3}):)?(?P<m>\d{1,3}):(?P<s>\d{1,2})(?:[.,]\d{1,3})?"
_LABEL = r"[\w（）()·\- ]{1,12}"
_LINE = re.compile(
    rf"\s{{0,8}}(?:[\[(（【]?{_CLOCK}[\])）】]?[ \t]{{0,8}}(?:[-–—~>]+[ \t]*[\d:.,]+[\])）】]?[ \t]{{0,8}})?)?[\[【<]?(?P<who>{_LABEL})[\]】>]?[ \t]{{0,4}}[:：](?P<text>.*)"
)
_BARE = re.compile(rf"\s{{0,8}}[\[(（【]?{_CLOCK}[\])）】]?[ \t]{{1,8}}(?P<text>\D.*)")
_CUE = re.compile(r"\s*(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})\s*-{1,3}>\s*[\d:.,]*")
_VOICE = re.compile(r"<v(?:\.[\w.]+)?[ \t]+([^>]{1,40})>")
_TAG = re.compile(r"</?[a-zA-Z][^>]{0,60}>")
_NUMBER = re.compile(r"\s*\d{1,9}\s*")
_HEAD = {
    "call_id": ["通话编号", "通话号", "通话流水号", "流水号", "录音编号", "录音号", "呼叫编号", "工单编号", "编号", "call_id", "callid"],
    "line": ["热线", "热线名称", "专线", "线路", "被叫", "被叫号码", "接入号", "line"],
    "caller_number": ["来电号码", "主叫号码", "主叫", "来电", "电话", "联系电话", "来电电话", "caller_number"],
    "started_at": ["开始时间", "通话时间", "来电时间", "时间", "日期", "通话开始", "started_at"],
    "note": ["坐席备注", "话务员备注", "备注", "小结", "坐席小结", "agent_note"],
}
_FIELD_OF = {word: name for name, words in _HEAD.items() for word in words}
_HEAD_LINES = 12  # lines in which the particulars of the call stand
_LOOKED_AT = 200_000  # characters in which a label must come again
_MOST_VOICES = 6  # labels nobody knows but that come again and again; more are no voices


def is_subtitles(text: str) -> bool:
    """Whether *text* is SRT or WebVTT."""
    return text.startswith("WEBVTT") or any(_CUE.match(line) for line in text[:2_000].split("\n")[:20])


def subtitles(text: str, is_known: IsVoice) -> Iterator[Spoken]:
    """Yield the cues of SRT or WebVTT; a cue whose time cannot be read has none, and its words stay. Without a label the voice before goes on."""
    is_voice = _voices(text, is_known)
    at: float | None = None
    who = ""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        cue = _CUE.match(line)
        if cue:
            at = int(cue[1] or 0) * 3600 + int(cue[2]) * 60 + int(cue[3])
        elif "-->" in line:
            at = None
        elif line.strip() and not _is_frame(line, lines[index + 1] if index + 1 < len(lines) else ""):
            spoken = _voiced(line, at, who, is_voice)
            who = spoken.who
            yield spoken


def _is_frame(line: str, following: str) -> bool:
    """Whether a line belongs to the file, not to what was said: the number of a cue, the head of a file, a note of its maker."""
    is_number = _NUMBER.fullmatch(line) is not None and "-->" in following
    return is_number or line.startswith(("WEBVTT", "NOTE", "STYLE", "Kind:", "Language:"))


def _voiced(line: str, at: float | None, who: str, is_voice: IsVoice) -> Spoken:
    voice = _VOICE.search(line)
    words = _TAG.sub("", line)
    if voice:
        return Spoken(who=voice[1].strip(), at_s=at, text=words)
    labelled = _LINE.match(words)
    if labelled and labelled["m"] is None and is_voice(labelled["who"].strip()):
        return Spoken(who=labelled["who"].strip(), at_s=at, text=labelled["text"])
    return Spoken(who=who, at_s=at, text=words)


def head(text: str) -> tuple[dict[str, str], str]:
    """Return the particulars of the call (通话编号：…) with which *text* begins, and the rest."""
    found: dict[str, str] = {}
    lines = text.split("\n", _HEAD_LINES)
    taken = 0
    for line in lines[:_HEAD_LINES]:
        name, colon, value = line.replace("：", ":", 1).partition(":")
        field = _FIELD_OF.get(name.strip().lower())
        if line.strip() and (not colon or field is None or field in found):
            break
        if field is not None:
            found[field] = value.strip()
        taken += 1
    return found, "\n".join(lines[taken:])


def speech(text: str, is_known: IsVoice) -> Iterator[Spoken]:
    """Yield the turns of *text*: a line with a label begins one, a line without goes on with it. Without any label each line is one of nobody."""
    is_voice = _voices(text, is_known)
    current: Spoken | None = None
    more: list[str] = []
    for line in text.split("\n"):
        labelled = _LINE.match(line)
        if labelled and not is_voice(labelled["who"].strip()):
            labelled = None
        if labelled or current is None or not current.who:
            if current is not None:
                yield _joined(current, more)
            current, more = _begun(line, labelled), []
        else:
            more.append(line)
    if current is not None:
        yield _joined(current, more)


def _voices(text: str, is_known: IsVoice) -> IsVoice:
    """Return what tells a speaker's label from words before a colon (我跟他说：…): a word known for it, or one that comes again and again."""
    counted = Counter(match["who"].strip() for line in text[:_LOOKED_AT].split("\n") if (match := _LINE.match(line)))
    often = {who for who, count in counted.items() if count > 1 and not is_known(who)}
    usual = often if len(often) <= _MOST_VOICES else set()
    return lambda who: is_known(who) or who in usual


def _begun(line: str, labelled: re.Match[str] | None) -> Spoken:
    match = labelled or _BARE.match(line)
    if match is None:
        return Spoken(who="", at_s=None, text=line)
    at = int(match["h"] or 0) * 3600 + int(match["m"]) * 60 + int(match["s"]) if match["m"] is not None else None
    return Spoken(who=match["who"].strip() if labelled else "", at_s=at, text=match["text"])


def _joined(first: Spoken, more: list[str]) -> Spoken:
    words = " ".join([first.text.strip(), *(line.strip() for line in more if line.strip())])
    return Spoken(who=first.who, at_s=first.at_s, text=words)
