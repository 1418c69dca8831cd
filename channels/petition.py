"""From a letter to a petition: the only module that knows which source of a field goes before which.

A filled form goes before what the body says, the body before other documents, these before an earlier mail carried along, and the name
in the From header comes last. Each value keeps the place that proves it. Pure: bytes and texts in, a petition out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from channels import enterprises, numbers, persons, quoting, registration
from channels.documents import Document, read_document
from channels.forms import form_fields, form_ranges, is_form, printed_title
from channels.matter import content_of, title_of
from channels.passage import HAN, Passage, any_of, cut, scanned, shadow, tidy
from channels.quoting import Quoted, Split
from channels.sender_contact import own_contact, own_phone
from channels.sender_name import own_name, subject_name
from channels.sender_register import own_address, own_code
from channels.view import View
from store import tokens
from store.model.arrival import Channel
from store.model.letter import Letter
from store.model.petition import Found, Petition

_AUTHORITY = re.compile(r"gov\.cn|坐诊|接诉|政务|管委会|工商联|街道|局(?![域部])|区委|区政府|办公室|热线|12345|营商环境")
# Papers others wrote: the enterprises, numbers and addresses in them need not be the sender's.
_OTHERS_PAPERS = re.compile(
    any_of("合同 协议 判决 裁定 裁决 决定书 通知书 告知书 回执 工单 公示 通知 发票 营业执照 公告 流水 清单 名单 截图")
)
_PAPER_HEAD = 60  # characters of a document that say what it is
_QUOTE_MARKS = re.compile(r"^[ \t]{0,8}(?:>[ \t]?){1,20}", re.MULTILINE)
_WORD = re.compile(rf"[{HAN}A-Za-z]+")
_WORD_SIGN = re.compile(r"[^\W_]")
_LATIN_NAME = re.compile(r"(?:^|(?<=[^A-Za-z ]))([A-Z][a-z]{1,12}(?: [A-Z][a-z]{1,12})?)\s{0,8}$")
_MACHINE = re.compile(r"mail|system|admin|post|support|service|info|notif|team|reply|office|sales|daemon|market|company|ltd", re.IGNORECASE)
_SHORTEST_ALIAS = 3  # characters
_COVER_LENGTH = 100  # characters: 麻烦领导看看下面我们财务写的情况
_LONGEST_SHOWN = 200  # characters of a display name that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fields:
    """The fields one source gives."""

    name: Found | None = None
    uscc: Found | None = None
    address: Found | None = None
    contact: Found | None = None
    phone: Found | None = None


def read_petition(channel: Channel, letter: Letter, blobs: Mapping[str, bytes]) -> Petition:
    """Read what an enterprise asks from its letter and the attached documents (*blobs* by SHA-256).

    Nothing is guessed: a field that no source states is None. Documents that cannot be read are noted in the letter's doubts.
    """
    if channel is not Channel.MAIL and registration.is_entry(letter.text):
        return registration.read(channel, letter)
    documents, doubts = _documents(letter, blobs)
    forms = {name: document for name, document in documents.items() if is_form(document)}
    others = {name: document for name, document in documents.items() if name not in forms}
    if len(forms) > 1:
        doubts.append(f"附有 {len(forms)} 份信息表，企业信息取自第一份“{next(iter(forms))}”，请核对是否为多个事项")
    parts = quoting.split(letter.text)
    body = Passage.of("body", letter.text)
    view = View.of(body, foreign=_foreign(letter.text, parts), is_note=channel is Channel.WINDOW, aliases=_aliases(letter))
    fields = _first(_sources(letter, body, parts, view, forms, others))
    content = content_of(view, list(forms.values()), list(others.values()))
    passed_on = _passed_on(letter, parts, content)
    if passed_on:
        content = "\n\n".join(filter(None, (content, content_of(View.of(body, foreign=_all_but(letter.text, passed_on)), [], []))))
    return Petition(
        channel=channel,
        name=fields.name,
        uscc=fields.uscc,
        uscc_valid=None if fields.uscc is None else numbers.is_valid(shadow(fields.uscc.value)),
        address=fields.address,
        contact=fields.contact,
        phone=fields.phone,
        title=title_of(view, list(forms.values()), tokens.removed(letter.subject), content),
        content=content,
        quoted="\n\n".join(letter.text[part.start : part.end].strip() for part in parts.quoted if part is not passed_on),
        attachment_texts={name: document.text for name, document in documents.items()},
        letter=replace(letter, doubts=(*letter.doubts, *doubts)),
    )


def read_recognised(channel: Channel, letter: Letter, document: Document) -> Petition:
    """Read what an enterprise asks from *document*, which a machine read off a page; its text is that of *letter*.

    In numbers, letters that recognition takes digits for count as these; a value is still told as it stands.
    """
    body = Passage.of("body", document.text)
    body = replace(body, plain=scanned(body.plain))
    forms = [document] if document.cells and is_form(document) else []
    own = View.of(body, foreign=[*printed_title(body.plain), *((cell.start, cell.end) for cell in document.cells)] if forms else ())
    filled = (_Fields(**form_fields(body, form)) for form in forms)
    fields = _first((*filled, _read(View.of(body))))
    content = content_of(own, forms, [])
    return Petition(
        channel=channel,
        name=fields.name,
        uscc=fields.uscc,
        uscc_valid=None if fields.uscc is None else numbers.is_valid(shadow(fields.uscc.value)),
        address=fields.address,
        contact=fields.contact,
        phone=fields.phone,
        title=title_of(own, forms, "", content),
        content=content,
        letter=replace(letter, doubts=(*letter.doubts, *_unread(forms, fields))),
    )


def _unread(forms: Sequence[Document], fields: _Fields) -> Iterator[str]:
    """Yield a note where the form's box for the telephone holds something in which no number can be read."""
    for form in forms:
        if fields.phone is None and (place := form_ranges(form).get("phone")):
            yield f"信息表的联系电话一栏读作“{tidy(form.text[slice(*place)])[:_LONGEST_SHOWN]}”，认不出号码，请对照原件"


def _documents(letter: Letter, blobs: Mapping[str, bytes]) -> tuple[dict[str, Document], list[str]]:
    """Return the readable documents by name (a second one of the same name is numbered), and notes on the others."""
    documents: dict[str, Document] = {}
    doubts = []
    for attachment in letter.attachments:
        document, doubt = read_document(attachment.name, attachment.content_type, blobs.get(attachment.sha256, b""))
        if doubt:
            doubts.append(doubt)
        if document:
            name, count = attachment.name, 2
            while name in documents:
                name, count = f"{attachment.name} ({count})", count + 1
            documents[name] = document
    return documents, doubts


def _foreign(text: str, parts: Split) -> list[tuple[int, int]]:
    """Return what of the body is not the sender's own; where he only passed a mail on, its words stand for his own."""
    if not parts.quoted or _says_anything(text, parts):
        return parts.foreign
    return _all_but(text, parts.quoted[0])


def _says_anything(text: str, parts: Split) -> bool:
    """Whether the sender wrote a word of his own."""
    return _WORD_SIGN.search(cut(text, parts.foreign)) is not None


def _passed_on(letter: Letter, parts: Split, content: str) -> Quoted | None:
    """Return the mail that is the petition itself: the first one passed on below a few covering words; None where there is none.

    Without any words of his own it is the content already (`_foreign`). Who writes more than a cover tells his matter himself, and what he carries along is its history.
    """
    if len("".join(content.split())) > _COVER_LENGTH or not _says_anything(letter.text, parts):
        return None
    is_forward = quoting.is_forward(letter.subject)
    passed = (part for part in parts.quoted if (part.is_forward or is_forward) and _is_own_side(part, letter))
    return next(passed, None)


def _all_but(text: str, part: Quoted) -> list[tuple[int, int]]:
    """Return everything but the own words of the mail carried along in *part*: not what it quotes in turn, nor its quotation marks."""
    is_marked = _QUOTE_MARKS.match(text, part.body) is not None
    marks = [match.span() for match in _QUOTE_MARKS.finditer(text, part.body, part.end)] if is_marked else []
    inner = [] if marks else quoting.split(text[part.body : part.end]).foreign
    return [(0, part.body), *marks, *((part.body + start, part.body + end) for start, end in inner), (part.end, len(text))]


def _sources(
    letter: Letter, body: Passage, parts: Split, view: View, forms: Mapping[str, Document], others: Mapping[str, Document]
) -> Iterator[_Fields]:
    """Yield the sources of the fields, those that go before first."""
    for name, document in forms.items():
        yield _Fields(**form_fields(Passage.of(f"attachment:{name}", document.text), document))
        break  # a second form is another enterprise's
    yield _read(view)
    for name, document in others.items():
        if not _OTHERS_PAPERS.search(f"{name}\n{document.text[:_PAPER_HEAD]}"):
            yield _read(View.of(Passage.of(f"attachment:{name}", document.text)))
    for part in parts.quoted:
        if _is_own_side(part, letter):
            yield _read(View.of(body, foreign=_all_but(letter.text, part)))
    yield _Fields(name=subject_name(Passage.of("subject", tokens.removed(letter.subject))))
    yield _Fields(contact=_header_contact(letter))


def _read(view: View) -> _Fields:
    name = own_name(view)
    contact = own_contact(view, name)
    return _Fields(name=name, uscc=own_code(view, name), address=own_address(view, name), contact=contact, phone=own_phone(view, contact))


def _first(sources: Iterable[_Fields]) -> _Fields:
    """Take of each field the first that a source gives."""
    fields = _Fields()
    for source in sources:
        fields = _Fields(
            name=fields.name or source.name,
            uscc=fields.uscc or source.uscc,
            address=fields.address or source.address,
            contact=fields.contact or source.contact,
            phone=fields.phone or source.phone,
        )
    return fields


def _is_own_side(part: Quoted, letter: Letter) -> bool:
    """Whether a mail carried along is the sender's or a colleague's, so that what it says of its writer holds; not our own notice."""
    author, sender = part.author.lower(), letter.sender
    if _AUTHORITY.search(part.author) or any(address.address.lower() in author for address in letter.to if address.address):
        return False
    if part.is_forward or quoting.is_forward(letter.subject):
        return True
    known = (sender.address.lower(), sender.name.lower()) if sender else ()
    return any(name and name in author for name in known)


def _aliases(letter: Letter) -> tuple[str, ...]:
    """Return the names that the sender's display name gives his enterprise: its words that are no person and no office of it."""
    shown = shadow(letter.sender.name[:_LONGEST_SHOWN]) if letter.sender else ""
    words = (word for word in _WORD.findall(shown) if len(word) >= _SHORTEST_ALIAS)
    return tuple(word for word in words if not (persons.inside(word) or persons.is_role(word) or enterprises.is_office(word)))


def _header_contact(letter: Letter) -> Found | None:
    """Return the person in the From header: the last resort, for there anybody can be called anything."""
    if letter.sender is None:
        return None
    passage = Passage.of("from", letter.sender.name[:_LONGEST_SHOWN])
    for match in _WORD.finditer(passage.plain):
        place = persons.inside(match[0])
        if place and (persons.is_surely_name(match[0][slice(*place)]) or persons.is_address_form(match[0])):
            return passage.found(match.start() + place[0], match.start() + place[1], "header")
    latin = _LATIN_NAME.search(passage.plain)
    return passage.found(*latin.span(1), "header") if latin and not _MACHINE.search(passage.plain) else None
