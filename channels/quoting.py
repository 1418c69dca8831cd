"""What a sender wrote himself and what he only carried along: the only module that knows how mail clients quote, forward and sign off.

Covers the layouts of QQ, 163/126 (Coremail), Foxmail, Outlook, Gmail, Apple and mobile clients in Chinese and English. Offsets are code
points of the text given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from channels.passage import any_of, shadow


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """One stretch [start, end) that is not the sender's own: `body` is where the words behind its header lines begin.

    `author` is what the header says of who wrote it ("" if nothing); `is_forward` where the client calls it forwarded.
    """

    start: int
    end: int
    body: int
    author: str
    is_forward: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A text taken apart. `dropped` are the client's own lines (发自我的iPhone) and rules; all else is the sender's own words."""

    quoted: tuple[Quoted, ...]
    dropped: tuple[tuple[int, int], ...]

    @property
    def foreign(self) -> list[tuple[int, int]]:
        """Everything that is not the sender's own words."""
        return [*((part.start, part.end) for part in self.quoted), *self.dropped]


class _Line(NamedTuple):
    start: int
    end: int  # before the line end
    plain: str  # stripped shadow
    is_header: bool  # a header line other than the sender's


_MAX_LINES = 20_000  # what stands below is taken as the sender's own: nobody quotes below that many lines
_HEADER_LINES = 8
_ABOVE_SENDER = 2
_RULE_SIGNS = "-_=*~—"
_RULE = rf"[{_RULE_SIGNS}]{{2,80}}"
_BARE_RULE = re.compile(rf"{_RULE}$")
_DIVIDER_WORDS = r"""原始邮件 原邮件 邮件原文 邮件原件 原始信息 原信 回复的原邮件 回复的邮件 历史邮件 原始邮件信息 原始郵件 转发邮件信息 转发的邮件 转发邮件 被转发邮件
    转发邮件正文 轉寄郵件 转寄邮件 邮件转发 Original\s[Mm]essage Original Forwarded\s[Mm]essage Reply\smessage Replied\sMessage"""
_DIVIDER = re.compile(rf"{_RULE}\s{{0,4}}{any_of(_DIVIDER_WORDS)}\s{{0,4}}(?:{_RULE})?")
_BEGINS = re.compile(r"(?:Begin forwarded message|开始转发的邮件|[下以][面下]是被?转发的邮件)\s?:?")
_FORWARD = re.compile(r"转发|转寄|轉寄|[Ff]orward")
_FROM = re.compile(rf"\**{any_of('发件人 发信人 寄件者 寄件人 发件者 From FROM')}\**\s{{0,4}}:\**(.{{0,300}})")
_OTHER_WORDS = r"""发送时间 发送日期 发送于 发件时间 时间 日期 寄件日期 Date Sent Sent\sTime 收件人 收件者 To TO 抄送 副本 Cc CC 主题 主旨 标题 Subject
    SUBJECT 优先级 附件"""
_OTHER = re.compile(rf"\**{any_of(_OTHER_WORDS)}\**\s{{0,4}}:")
# Any language's attribution: a time, then an address in angle brackets, then the colon.
_WROTE = re.compile(
    r".{0,240}(?:写道|寫道|写到|来信|\bwrote|\bwrites)\s?:$|.{0,60}[0-9]{1,2}:[0-9]{2}.{0,120}<[^\s<>@]{1,64}@[^\s<>@]{1,100}>\s?:$"
)
_WROTE_EVIDENCE = re.compile(r"[0-9]{4}|@|[0-9]{1,2}:[0-9]{2}|<|\bOn\b")  # 他在通知里写道: is no mail header
_DEVICES = (
    "手机 新浪 网易 QQ Windows 搜狗 移动 139 189 钉钉 企业微信 Outlook iPhone iPad 小米 华为 HUAWEI 荣耀 OPPO vivo 三星 魅族 雅虎 我的"
)
_FOOTER = re.compile(
    rf"(?:发自|来自|发送自|寄自|从我的|由我的|通过|从)\s?{any_of(_DEVICES)}.{{0,30}}|[Ss]ent from .{{1,60}}|(?:获取|Get)\s?Outlook.{{0,30}}|"
    r"(?:签名由|本邮件由|此邮件由).{0,40}|[| ]{1,10}|使用.{0,12}邮箱.{0,6}发送"
)
_REPLY_WORDS = r"回复 答复 回覆 自动回复 自动答复 Re RE re AW Automatic\sreply"
_FORWARD_WORDS = "转发 转寄 Fw FW Fwd FWD fw fwd"
_PREFIXES = re.compile(rf"\s*(?:{any_of(f'{_REPLY_WORDS} {_FORWARD_WORDS}')}(?:\[[0-9]{{1,3}}\])?\s?:\s?){{1,20}}")
_FORWARD_PREFIX = re.compile(rf"\s*{any_of(_FORWARD_WORDS)}\s?:")
_NO_SUBJECT = re.compile(r"\(?(?:无主题|无标题|没有主题|no subject|none|null)\)?", re.IGNORECASE)


def split(text: str) -> Split:
    """Take *text* apart. Linear in its length."""
    lines = _lines(text)
    quoted: list[Quoted] = []
    dropped: list[tuple[int, int]] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        last = _last_quoted(lines, index)
        if last is not None:
            quoted.append(_quotation(lines, index, last))
            index = last + 1
            continue
        if line.plain and (_FOOTER.fullmatch(line.plain) or _BARE_RULE.match(line.plain)):
            dropped.append((line.start, line.end))
        index += 1
    return Split(quoted=tuple(quoted), dropped=tuple(dropped))


def clean_subject(subject: str) -> str:
    """Return *subject* without reply and forward prefixes (【…】 stays); "" where it says that there is none."""
    match = _PREFIXES.match(shadow(subject))
    rest = subject[match.end() :] if match else subject
    return "" if _NO_SUBJECT.fullmatch(shadow(rest).strip()) else " ".join(rest.split())


def is_forward(subject: str) -> bool:
    """Whether the outermost prefix of *subject* says that the mail was passed on."""
    return _FORWARD_PREFIX.match(shadow(subject)) is not None


def _lines(text: str) -> list[_Line]:
    lines, at = [], 0
    plain = shadow(text)
    for line in text.split("\n", _MAX_LINES):
        end = at + len(line)
        shown = plain[at:end].strip()
        if "&nbsp;" in shown:  # QQ puts it into plain text
            shown = shown.replace("&nbsp;", " ")
        lines.append(_Line(at, end, shown, ":" in shown and _OTHER.match(shown) is not None))
        at = end + 1
    return lines


def _last_quoted(lines: list[_Line], index: int) -> int | None:
    """Index of the last line of the quotation that begins in this one; None where none does."""
    if lines[index].plain.startswith(">"):
        return _last_marked(lines, index)
    if not lines[index].plain or not _opens(lines, index):
        return None
    following = _next(lines, index)
    return _last_marked(lines, following) if following is not None and _is_marked(lines, following) else len(lines) - 1


def _last_marked(lines: list[_Line], first: int) -> int:
    """Index of the last line of the run of ">" lines that begins at *first*; single blank lines in between belong to it."""
    last = first
    for index in range(first + 1, len(lines)):
        if lines[index].plain.startswith(">"):
            last = index
        elif lines[index].plain or index - last > 1:
            break
    return last


def _opens(lines: list[_Line], index: int) -> bool:
    """Whether an earlier message begins in this line: a divider that says so, a block of headers, or "… 写道:"."""
    plain = lines[index].plain
    if plain[0] in _RULE_SIGNS and _BARE_RULE.match(plain):
        following = _next(lines, index)
        return following is not None and _is_header_block(lines, following)
    if _DIVIDER.fullmatch(plain) or _BEGINS.fullmatch(plain):
        return True
    if plain.endswith(":") and _WROTE.match(plain[-400:]):
        return _WROTE_EVIDENCE.search(plain) is not None or _is_marked(lines, _next(lines, index))
    return _is_header_block(lines, index)


def _is_header_block(lines: list[_Line], index: int) -> bool:
    following = lines[index + 1 : index + 1 + _HEADER_LINES]
    if _FROM.match(lines[index].plain) is not None:
        return any(line.is_header for line in following)
    # Hotmail puts date and subject above the sender.
    above = lines[index : index + _ABOVE_SENDER]
    return (
        len(following) >= _ABOVE_SENDER
        and all(line.is_header for line in above)
        and _FROM.match(lines[index + _ABOVE_SENDER].plain) is not None
    )


def _next(lines: list[_Line], index: int) -> int | None:
    """Index of the next line with something in it, among the next few."""
    return next((at for at in range(index + 1, min(index + 5, len(lines))) if lines[at].plain), None)


def _is_marked(lines: list[_Line], index: int | None) -> bool:
    return index is not None and lines[index].plain.startswith(">")


def _quotation(lines: list[_Line], first: int, last: int) -> Quoted:
    """Return the quotation in lines *first* to *last*, its header lines read."""
    author, body = "", first
    for offset, line in enumerate(lines[first : min(first + _HEADER_LINES + 4, last + 1)]):
        plain = line.plain.lstrip("> ")
        sender = _FROM.match(plain)
        if sender or _WROTE.match(plain):
            author = author or (sender[1].strip() if sender else plain)
        elif plain and not (_OTHER.match(plain) or _DIVIDER.fullmatch(plain) or _BEGINS.fullmatch(plain) or _BARE_RULE.match(plain)):
            break
        body = first + offset + 1
    return Quoted(
        start=lines[first].start,
        end=lines[last].end,
        body=lines[body].start if body <= last else lines[last].end,
        author=author,
        is_forward=_FORWARD.search(lines[first].plain) is not None,
    )
