"""What a clerk enters for an enterprise at the window or from a letter: the form of 附件2 as text, written and read by this module alone.

The text is what is kept and shown; it opens with `TITLE`, each field on a line of its own, the content below. Nothing in it is guessed.
What somebody wrote down already (a slip of the window) is kept as it stands instead, and read like a letter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from channels import numbers
from channels.passage import shadow
from store.model.arrival import Channel
from store.model.letter import Address, Letter
from store.model.petition import Found, Petition, Span

TITLE = "【坐诊接诉诉求登记表】"
# Field → label, in the order of the form; the content comes last and may have many lines.
LABELS: Mapping[str, str] = {
    "name": "企业名称",
    "uscc": "统一社会信用代码",
    "address": "所在地址",
    "contact": "联系人",
    "position": "职务",
    "phone": "联系电话",
    "mail": "电子邮箱",
    "title": "诉求标题",
    "content": "诉求内容",
}
REQUIRED = ("title", "content")
_FIELD_OF = {label: field for field, label in LABELS.items()}
_CLERK = "登记人"
_LINE = re.compile(rf"^(?P<label>{'|'.join(_FIELD_OF)}|{_CLERK})：(?P<value>.*)$")
_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
_LONGEST, _LONGEST_CONTENT = 200, 20_000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry: the fields by name ("" where the enterprise does not say), and who wrote them down.

    `text` is what was written down already, in place of the form.
    """

    fields: Mapping[str, str]
    clerk: str
    text: bytes = b""


def as_written(text: bytes, clerk: str) -> Entry:
    """Return the entry of a *text* that stays as it is. Raises MalformedMessageError where it is none."""
    from channels.mime import text_letter  # noqa: PLC0415 - entries of the form need none of what reading imports

    return Entry(fields={"content": text_letter(text).letter.text}, clerk=clerk, text=text)


def problems_of(entry: Entry) -> list[str]:
    """Return in Chinese what is wrong with *entry* and must be put right before it is registered; a text as it was written is as it is."""
    if entry.text:
        return []
    found = [f"{LABELS[field]}没有填" for field in REQUIRED if not entry.fields.get(field, "").strip()]
    for field, value in entry.fields.items():
        longest = _LONGEST_CONTENT if field == "content" else _LONGEST
        if len(value) > longest:
            found.append(f"{LABELS[field]}有 {len(value)} 字，超过 {longest} 字")
        if field != "content" and "\n" in value:
            found.append(f"{LABELS[field]}只能写一行")
    mail, phone = entry.fields.get("mail", ""), entry.fields.get("phone", "")
    if mail and not _MAIL.fullmatch(mail):
        found.append(f"电子邮箱“{mail}”不对")
    if phone and next(numbers.phones(shadow(phone), labelled=True), None) is None:
        found.append(f"联系电话“{phone}”不是电话号码")
    if not (mail or phone):
        found.append("联系电话和电子邮箱至少要填一项，否则无法告知企业")
    return found


def doubts_of(entry: Entry) -> list[str]:
    """Return in Chinese what a clerk should look at once more, although it may be so."""
    code = entry.fields.get("uscc", "")
    return [f"统一社会信用代码“{code}”校验不通过，请与营业执照核对"] if code and not numbers.is_valid(code) else []


def write(entry: Entry) -> bytes:
    """Return *entry* as the text that is kept."""
    if entry.text:
        return entry.text
    lines = [f"{label}：{entry.fields.get(field, '')}" for field, label in LABELS.items() if field != "content"]
    content = entry.fields.get("content", "").strip("\n")
    return "\n".join([TITLE, *lines, f"{_CLERK}：{entry.clerk}", f"{LABELS['content']}：", content, ""]).encode()


def is_entry(text: str) -> bool:
    """Whether *text* was written by `write`."""
    return text.startswith(TITLE)


def read(channel: Channel, letter: Letter) -> Petition:
    """Return the petition of an entry, its text being that of *letter*; the enterprise's mail address, if it gave one, is the way back."""
    places = _places(letter.text)

    def found(field: str) -> Found | None:
        start, end = places.get(field, (0, 0))
        text = letter.text[start:end]
        return Found(value=text, how="form", span=Span(source="body", start=start, end=end, text=text)) if text.strip() else None

    values = {field: letter.text[slice(*place)] for field, place in places.items()}
    uscc, contact, mail = found("uscc"), found("contact"), values.get("mail", "")
    sender = Address(name=contact.value if contact else "", address=mail) if _MAIL.fullmatch(mail) else None
    return Petition(
        channel=channel,
        name=found("name"),
        uscc=uscc,
        uscc_valid=None if uscc is None else numbers.is_valid(shadow(uscc.value)),
        address=found("address"),
        contact=contact,
        phone=found("phone"),
        title=values.get("title", ""),
        content=values.get("content", ""),
        letter=replace(letter, sender=sender),
    )


def _places(text: str) -> dict[str, tuple[int, int]]:
    """Return where the value of each field stands; the content goes on to the end."""
    places: dict[str, tuple[int, int]] = {}
    at = 0
    for line in text.split("\n"):
        match = _LINE.match(line)
        field = _FIELD_OF.get(match["label"]) if match else None
        if match and field == "content":
            start = at + match.start("value") + (not match["value"].strip())
            start += len(text[start:]) - len(text[start:].lstrip("\n"))
            places[field] = (start, start + len(text[start:].rstrip()))
            break
        if match and field:
            places[field] = (at + match.start("value"), at + match.start("value") + len(match["value"].rstrip()))
        at += len(line) + 1
    return places
