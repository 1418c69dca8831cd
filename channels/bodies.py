"""Which parts of a mail are what a person reads, and their text: alternatives chosen, forwarded mails appended, the rest attachments."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from channels.charset import decode
from channels.headers import Head
from channels.html import to_text
from channels.structure import Part
from channels.transfer import unpack
from channels.words import parse_value

FORWARDED = "---------- 转发的邮件 ----------"

_SOURCE = 3 << 20  # bytes of text and HTML that are read in one mail, transfer encoding undone, pictures inside HTML left out
_MUCH_SHORTER = 0.4  # a plain alternative below this share of the HTML's text is a stub
_READABLE = frozenset({"text/plain", "text/html", "text/enriched", "text/richtext", "text/markdown", "text/x-plain"})
_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff]"
)
_PICTURE = re.compile(rb"data:[\w/+.-]{1,60};base64,[A-Za-z0-9+/=\s%]{500,}+", re.IGNORECASE)
_DOCUMENT = re.compile(rb"\s*+<(?:!doctype html|html)\b", re.IGNORECASE)


@dataclass(slots=True)
class Reading:
    """The body of a mail as it grows: its text, the parts that are files, and in Chinese what had to be guessed or left out."""

    text: str = ""
    files: list[Part] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Piece:
    """The text of one part with all below it. `rich` says that it was HTML."""

    texts: list[str] = field(default_factory=list)
    rich: bool = False
    length: int = 0  # characters that are not white space


def read_bodies(parts: list[Part]) -> Reading:
    """Return the text and the files of the mail of *parts* (as `channels.structure.split` gives them). Never raises."""
    reading = Reading()
    left = _SOURCE
    pieces: dict[int, _Piece] = {}
    body = next((at for at, part in enumerate(parts) if _may_be_body(part)), None)
    for at, part in enumerate(parts):
        if part.is_multipart or part.is_message:
            continue
        if not (at == body or _is_text(part)):
            reading.files.append(part)
            continue
        pieces[at], used = _read_text(part, left, reading.doubts)
        left -= used
    for at in range(len(parts) - 1, -1, -1):  # children stand behind their parents: from the end all below is ready
        if at not in pieces:
            pieces[at] = _combine(parts, at, pieces)
    reading.text = "\n".join(text for text in pieces[0].texts if text.strip()).strip("\n")
    return reading


def tidy(text: str) -> str:
    """Return *text* with one kind of line end and of space, and without what nobody sees (control, zero-width, bidirectional marks)."""
    return _UNSEEN.sub("", _LINE_ENDS.sub("\n", text)).replace("\u00a0", " ")


def file_name(part: Part) -> str:
    """Return the name the sender gave to *part*, "" where none."""
    _, parameters = parse_value(part.head.first("content-disposition"))
    return parameters.get("filename") or part.parameters.get("name", "")


def _may_be_body(part: Part) -> bool:
    """Tell whether a readable part can be the letter itself although it has a file name: the first one, not said to be attached."""
    if part.is_multipart or part.is_message or _kind(part) not in _READABLE:
        return False
    return part.parent < 0 or not part.head.first("content-disposition").lower().lstrip().startswith("attachment")


def _is_text(part: Part) -> bool:
    return _may_be_body(part) and (part.parent < 0 or not file_name(part))


def _kind(part: Part) -> str:
    """Return the type of a leaf; a multipart without parts is text that was announced wrongly."""
    return "text/plain" if part.kind.startswith("multipart/") else part.kind


def _read_text(part: Part, left: int, doubts: list[str]) -> tuple[_Piece, int]:
    """Return the text of a leaf, reading at most *left* bytes of it, and how many were read."""
    if part.kind.startswith("multipart/"):
        doubts.append("声明为多部分邮件，却没有找到各部分的分隔线，按纯文本读取")
    raw, odd = unpack(part.body, part.encoding)
    rich = part.kind == "text/html" or bool(_DOCUMENT.match(raw[:500]))
    if rich:
        raw, pictures = _PICTURE.subn(b"", raw)
        doubts += [f"正文网页里嵌有 {pictures} 张图片，未作为附件取出，请看原件"] if pictures else []
    if len(raw) > left:
        doubts.append(f"正文超过 {_SOURCE >> 20} MB，其后内容未读")
    decoded = decode(raw[:left], part.parameters.get("charset"), *([_meta_charset(raw)] if rich else []))
    text, cut = to_text(decoded.text) if rich else (decoded.text, "")
    text = tidy(text)
    if part.kind in {"text/enriched", "text/richtext"}:
        text = re.sub(r"<[^<>\n]{1,100}>", "", text)
    elif part.parameters.get("format", "").lower() == "flowed" and not rich:
        text = _unflow(text, delete_space=part.parameters.get("delsp", "").lower() == "yes")
    doubts += [f"正文{doubt}" for doubt in (odd, decoded.doubt, cut) if doubt]
    return _Piece([text], rich, len("".join(text.split()))), min(len(raw), left)


def _meta_charset(raw: bytes) -> str | None:
    match = re.search(rb"<meta[^<>]{1,200}?charset\s{0,5}=\s{0,5}[\"']?([\w.:-]{1,40})", raw[:8192], re.IGNORECASE)
    return match[1].decode("ascii", "ignore") if match else None


def _unflow(text: str, *, delete_space: bool) -> str:
    """Join the soft line breaks of format=flowed (RFC 3676 section 4.2); the signature mark is never joined."""
    pieces: list[str] = []
    open_at = -1  # quote depth of an unfinished paragraph, -1 where none is open
    for line in text.split("\n"):
        words = line.lstrip(">")
        depth = len(line) - len(words)
        words = words.removeprefix(" ")
        soft = words.endswith(" ") and words != "-- "
        if open_at != depth or words == "-- ":
            pieces.append("\n" + ">" * depth + (" " if depth else ""))
        pieces.append(words[:-1] if soft and delete_space else words)
        open_at = depth if soft else -1
    return "".join(pieces)[1:]


def _combine(parts: list[Part], at: int, pieces: dict[int, _Piece]) -> _Piece:
    """Return the text of a container from that of its children; nothing for a file."""
    part, below = parts[at], [pieces[child] for child in parts[at].children]
    if part.is_message:
        return _Piece([_forwarded(parts[part.children[0]].head), *below[0].texts], length=1 + below[0].length)
    if part.kind == "multipart/alternative" and part.is_multipart:
        return _choose(below)
    texts = [text for piece in below for text in piece.texts]
    return _Piece(texts, any(piece.rich for piece in below), sum(piece.length for piece in below))


def _choose(alternatives: list[_Piece]) -> _Piece:
    """Choose the plain text, unless it is empty or a stub beside the HTML ("your program cannot show this mail")."""
    plain = next((piece for piece in alternatives if not piece.rich and piece.length), None)
    rich = next((piece for piece in reversed(alternatives) if piece.rich and piece.length), None)
    if plain and rich:
        return rich if plain.length < _MUCH_SHORTER * rich.length else plain
    return plain or rich or _Piece()


def _forwarded(head: Head) -> str:
    """Return the divider line and the fields that a person needs of a nested mail."""
    fields = (("发件人", "from"), ("发送时间", "date"), ("收件人", "to"), ("主题", "subject"))
    return "\n".join((f"\n{FORWARDED}", *(f"{label}：{head.words(name)[:500]}" for label, name in fields if head.first(name)), ""))
