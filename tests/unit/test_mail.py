"""The bytes of one mail: headers, parts, the original, and that building twice gives the same."""

import email
import email.policy
import html
import re
from dataclasses import replace
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.enclosures import Enclosed
from notifier.mail import build
from notifier.pictures import content_id, shown_in
from store.codec import from_json, to_json
from store.errors import DeliveryRefusedError
from store.model.enclosure import Enclosure
from store.model.letter import Address
from store.model.notice import Notice, Purpose, QueuedNotice
from tests.sample_case import NOTICE, QUEUED, SENDER

LIMIT = 1_000_000
MAIL = b"From: a@b.example\r\nSubject: \xb9\xd8\xd3\xda\r\n\r\n" + b"x" * 2_000 + b"\r\nbare\nline \x00 \xff\r\n"


def _with(**changes: object) -> QueuedNotice:
    return replace(QUEUED, notice=replace(NOTICE, **changes))  # type: ignore[arg-type]  # the tests name the fields


def _built(queued: QueuedNotice = QUEUED, *, original: bytes | None = MAIL, max_original: int = LIMIT, name: str = "") -> bytes:
    return build(queued, sender=SENDER, original=original, max_original=max_original, original_name=name)


def test_the_token_stands_in_the_subject_of_who_may_answer() -> None:
    """Whoever may act by answering has his token at the end of the subject, and where configured in the address to reply to; others have none."""
    queued = replace(_with(office="department:dnhh"), message_id=f"{'0123456789abcdef' * 2}.assign@gov.example")
    head = _read(_built(queued))
    assert head["Subject"] == f"{NOTICE.subject}〔回执AERUKZ4JVPG66AJDIVTYTK6N54〕"
    assert "Reply-To" not in head
    plus = _read(build(queued, sender=SENDER, original=None, max_original=LIMIT, plus_address=True))
    assert plus["Reply-To"].addresses[0].addr_spec == "zuozhen+aerukz4jvpg66ajdivtytk6n54@gov.example"
    nobody = _read(build(replace(queued, notice=NOTICE), sender=SENDER, original=None, max_original=LIMIT, plus_address=True))
    assert (nobody["Subject"], nobody["Reply-To"]) == (NOTICE.subject, None)


def test_no_token_of_another_goes_out() -> None:
    """What a notice tells of a letter that came in has no token of its author's, in its subject, its text or its page."""
    token = "〔回执AERUKZ4JVPG66AJDIVTYTK6N54〕"
    raw = _built(_with(subject=f"转来{token}", text=f"主题：交办{token}", html=f"<p>交办{token}</p>"))
    assert _read(raw)["Subject"] == "转来"
    assert "AERUK" not in _body(raw, "plain") + _body(raw, "html")


def _read(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def _body(raw: bytes, kind: str) -> str:
    part = _read(raw).get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def _files(raw: bytes) -> list[tuple[str | None, str, bytes]]:
    parts = _read(raw).iter_attachments()
    return [(part.get_filename(), part.get_content_type(), cast("bytes", part.get_payload(decode=True))) for part in parts]


def test_the_head_of_a_department_mail() -> None:
    """From us to the department, with the outbox's Message-ID and date, marked as automatic and as ours."""
    head = _read(_built())

    assert str(head["From"]) == "坐诊接诉专窗 <zuozhen@gov.example>"
    assert head["To"].addresses[0].addr_spec == "dnhh@gov.example"
    assert head["Subject"] == NOTICE.subject
    assert head["Date"] == "Sat, 28 Sep 2024 01:30:00 +0000"
    assert head["Message-ID"] == f"<{QUEUED.message_id}>"
    assert head["Auto-Submitted"] == "auto-generated"
    assert head["X-Auto-Response-Suppress"] == "All"
    assert head["X-Zuozhen"] == "chenggong; CG-2024-00012; assign"
    assert "In-Reply-To" not in head
    assert not [name for name in head if name.lower().startswith("list-")]


@pytest.mark.parametrize("purpose", [Purpose.ACKNOWLEDGE, Purpose.SUPPLEMENT, Purpose.REFERRAL])
def test_mail_to_an_enterprise_says_it_is_a_reply_of_a_machine(purpose: Purpose) -> None:
    """RFC 3834: auto-replied, in the thread of the message it answers."""
    head = _read(_built(_with(purpose=purpose, reply_to_message="1@qq.example", attach_original=False)))

    assert head["Auto-Submitted"] == "auto-replied"
    assert head["In-Reply-To"] == head["References"] == "<1@qq.example>"


def test_a_long_message_id_stays_whole() -> None:
    """The ids of large providers are longer than a line; folded they would be encoded, and the thread lost."""
    long = "PSAPR06MB" + "0" * 120 + "@PSAPR06MB0000.apcprd06.prod.outlook.example"

    raw = _built(_with(reply_to_message=long))

    assert f"In-Reply-To: <{long}>\r\n".encode() in raw
    assert f"References: <{long}>\r\n".encode() in raw


@pytest.mark.parametrize("bad", ["", "no at sign", "a b@c", "a@b>\r\nBcc: x@y.example", "编号@qq.example", "x" * 500 + "@y"])
def test_a_message_id_that_cannot_stand_in_a_header_is_left_out(bad: str) -> None:
    """A stranger's id is used as it is or not at all."""
    head = _read(_built(_with(reply_to_message=bad)))

    assert "In-Reply-To" not in head
    assert "Bcc" not in head


def test_text_and_html_stand_side_by_side() -> None:
    """Both versions come through unchanged; every line of the mail is ASCII and within 998 octets."""
    raw = _built()

    assert _body(raw, "plain") == NOTICE.text
    assert _body(raw, "html") == NOTICE.html
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_the_original_is_attached_byte_for_byte() -> None:
    """Raw 8-bit, NUL, bare line feeds and long lines survive; the file is never shown inline as a part of our letter."""
    assert _files(_built()) == [("原始来件.eml", "application/octet-stream", MAIL)]


@pytest.mark.parametrize(
    ("text", "charset"), [("企业名称：滇蕊".encode(), "utf-8"), ("企业名称：滇蕊".encode("gb18030"), "gb18030"), (b"", "utf-8")]
)
def test_a_text_is_attached_with_its_encoding(text: bytes, charset: str) -> None:
    """A letter typed in at the window opens as text, in UTF-8 or GB18030."""
    raw = _built(original=text)

    assert _files(raw) == [("原始来件.txt", "text/plain", text)]
    assert [part.get_content_charset() for part in _read(raw).iter_attachments()] == [charset]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("来件/../../etc/passwd", "来件_.._.._etc_passwd"),
        ("a\r\nb:c.eml", "a b_c.eml"),
        ("号" * 100 + ".eml", "号" * 60 + ".eml"),
        (".eml", ".eml"),
        ("CG-2024-00012.eml", "CG-2024-00012.eml"),
    ],
)
def test_the_name_of_the_file_is_a_name_on_every_system(name: str, shown: str) -> None:
    """No path, no line break, no endless name."""
    assert _files(_built(name=name))[0][0] == shown


@pytest.mark.parametrize(
    ("original", "limit", "words"),
    [(MAIL, len(MAIL) - 1, "原始来件较大（0.0 MB），未随本邮件附上"), (None, LIMIT, "原始来件未能附上")],
)
def test_an_original_that_is_not_attached_is_spoken_of(original: bytes | None, limit: int, words: str) -> None:
    """Too large or gone: a line at the end of both versions says so and how to get it."""
    raw = _built(original=original, max_original=limit)

    assert _files(raw) == []
    assert words in _body(raw, "plain")
    assert words in _body(raw, "html").partition("</body>")[0]


def test_a_page_without_an_end_gets_its_note_all_the_same() -> None:
    """A pack's own HTML need not be tidy."""
    assert "未能附上" in _body(_built(_with(html="<p>办理</p>\n"), original=None), "html")


def test_an_original_that_just_fits_is_attached() -> None:
    """The limit itself is allowed."""
    assert len(_files(_built(max_original=len(MAIL)))) == 1


def test_a_notice_without_original_gets_none() -> None:
    """Mail to an enterprise never carries what was sent, even where the caller has it at hand."""
    raw = _built(_with(attach_original=False))

    assert _files(raw) == []
    assert "附件说明" not in _body(raw, "plain")


@pytest.mark.parametrize("purpose", list(Purpose))
def test_building_twice_gives_the_same_bytes(purpose: Purpose) -> None:
    """A second try sends the same mail, boundaries and all; another notice has others."""
    queued = _with(purpose=purpose)

    assert _built(queued) == _built(queued)
    boundaries = set(re.findall(rb'boundary="([^"]+)"', _built(queued)))
    assert len(boundaries) == 2
    assert not boundaries & set(re.findall(rb'boundary="([^"]+)"', _built(replace(queued, message_id="other@gov.example"))))


@pytest.mark.parametrize("address", ["", "a@b\r\nBcc: c@d.example", "张三@b.example", "a b@c.example", "a@b@c.example"])
def test_an_address_that_cannot_stand_in_a_header_is_refused(address: str) -> None:
    """A notice to an impossible address is refused for good, with a word for the operator, and is never half sent."""
    with pytest.raises(DeliveryRefusedError, match="不能用于发信"):
        _built(_with(to=Address(name="", address=address)))


def test_a_broken_message_id_of_ours_is_refused() -> None:
    """Without its fixed id a mail must not go out: its answers could not be found again."""
    with pytest.raises(DeliveryRefusedError, match="Message-ID"):
        _built(replace(QUEUED, message_id="no id"))


HEADERS = {
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "auto-submitted",
    "x-auto-response-suppress",
    "x-zuozhen",
    "mime-version",
    "content-type",
}


@given(name=st.text(max_size=120), subject=st.text(max_size=200))
def test_no_name_and_no_subject_can_add_a_header(name: str, subject: str) -> None:
    """Whatever stands in a name or a subject: the same headers, one recipient, one line of subject."""
    raw = _built(_with(to=Address(name=name, address="dnhh@gov.example"), subject=subject), original=None)

    head = _read(raw)
    assert {key.lower() for key in head} == HEADERS
    assert [address.addr_spec for address in head["To"].addresses] == ["dnhh@gov.example"]
    assert len(str(head["Subject"]).splitlines()) <= 1


@given(subject=st.text(alphabet=st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=120))
def test_a_subject_comes_through(subject: str) -> None:
    """Chinese, emoji or quotation marks: what was composed is what the reader sees."""
    raw = _built(_with(subject=subject), original=None)

    folded = raw.partition(b"\r\nSubject: ")[2].partition(b"\r\nDate:")[0].decode("ascii")
    assert str(make_header(decode_header(folded.replace("\r\n", "")))) == subject


@given(name=st.text(alphabet=st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=80))
def test_a_name_comes_through(name: str) -> None:
    """Quotation marks, backslashes, spaces or Chinese in a department's name: the reader sees the name, and one address."""
    raw = _built(_with(to=Address(name=name, address="dnhh@gov.example")), original=None)

    shown, address = parseaddr(raw.partition(b"\r\nTo: ")[2].partition(b"\r\nSubject:")[0].decode("ascii").replace("\r\n", ""))
    assert str(make_header(decode_header(shown))) == " ".join(name.split())
    assert address == "dnhh@gov.example"


@given(name=st.text(alphabet=st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=200), subject=st.text(max_size=300))
def test_no_line_of_the_head_is_long(name: str, subject: str) -> None:
    """RFC 2047 2: at most 76 columns where words are encoded, however long the words are; what continues a line begins with a space."""
    queued = _with(to=Address(name=name, address="dnhh@gov.example"), subject=subject)

    for raw in (_built(queued), _built(queued, name=f"{name}.eml")):
        lines = raw.split(b"\r\n")
        assert max(map(len, lines)) <= 76
        assert all(line == line.rstrip() for line in lines)


def test_a_subject_that_looks_encoded_is_shown_as_it_is() -> None:
    """Somebody's `=?…?=` is no encoding of ours: the reader sees these very characters."""
    looks = "=?utf-8?b?5bey55m76K6w?= 1"

    raw = _built(_with(subject=looks), original=None)

    assert str(make_header(decode_header(raw.partition(b"\r\nSubject: ")[2].partition(b"\r\nDate:")[0].decode("ascii")))) == looks


def test_a_long_address_stays_whole() -> None:
    """An address longer than a line is neither folded nor encoded."""
    address = f"{'x' * 64}@{'y' * 60}.{'z' * 60}.example"

    head = _read(_built(_with(to=Address(name="单位名称" * 15, address=address))))

    assert head["To"].addresses[0].addr_spec == address


def test_a_case_number_in_chinese_is_marked_too() -> None:
    """A pack may number its cases in Chinese; our mark then is encoded, not refused."""
    head = _read(_built(replace(QUEUED, case_number="呈贡2024第12号")))

    assert head["X-Zuozhen"] == "chenggong; 呈贡2024第12号; assign"


def test_the_notice_decides_not_the_case() -> None:
    """Two notices of one case differ only by what the outbox fixed for each."""
    other: Notice = replace(NOTICE, to=Address(name="", address="scj@gov.example"))

    assert _read(_built(replace(QUEUED, notice=other, message_id="2@gov.example")))["To"] == "scj@gov.example"


def test_picture_behind_a_doubtful_value_stands_inside_the_letter() -> None:
    """What the page shows travels with it, under the id the page names; a picture that is gone leaves the letter whole."""
    shown, gone = "a" * 64, "b" * 64
    page = f'<html><body><img src="cid:{content_id(shown)}"><img src="cid:{content_id(gone)}"></body></html>'
    queued = _with(html=page)

    raw = build(queued, sender=SENDER, original=MAIL, max_original=LIMIT, pictures={shown: b"\x89PNG shown"})

    related = next(part for part in _read(raw).walk() if part.get_content_type() == "multipart/related")
    letter, picture = related.iter_parts()
    assert (letter.get_content_type(), picture.get_content_type()) == ("text/html", "image/png")
    assert picture["Content-ID"] == f"<{content_id(shown)}>"
    assert cast("bytes", picture.get_payload(decode=True)) == b"\x89PNG shown"
    assert [name for name, _, _ in _files(raw)] == ["原始来件.eml"]
    assert "cid:" not in _body(raw, "plain")


def test_words_of_a_stranger_name_no_picture() -> None:
    """Only our own pages name pictures; what is escaped does not."""
    assert shown_in(html.escape(f'<img src="cid:{content_id("a" * 64)}">')) == []


@pytest.mark.parametrize(("first", "ending"), [(b"II*\0", "tif"), (b"MM\0*", "tif"), (b"%PDF-1.7", "pdf"), (b"\xff\xd8\xff\xe0", "jpg")])
def test_original_of_a_fax_opens_with_a_double_click(first: bytes, ending: str) -> None:
    """The file is called by what it is."""
    assert [name for name, _, _ in _files(_built(original=first + b"...."))] == [f"原始来件.{ending}"]


def test_files_stand_before_the_original_under_their_types() -> None:
    """A letter, then its files in their order, then the original; one that could not be made is named in both texts."""
    enclosed = Enclosed(
        files=(("附件3 2024年第2期.docx", b"PK docx"), ("2024年第2期.ics", b"BEGIN:VCALENDAR\r\n")), missing=("附件9.xlsx",)
    )
    raw = build(QUEUED, sender=SENDER, original=MAIL, max_original=LIMIT, enclosed=enclosed)

    assert _files(raw) == [
        ("附件3 2024年第2期.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK docx"),
        ("2024年第2期.ics", "text/calendar", b"BEGIN:VCALENDAR\r\n"),
        ("原始来件.eml", "application/octet-stream", MAIL),
    ]
    assert all("附件9.xlsx未能附上" in _body(raw, kind) for kind in ("plain", "html"))
    assert raw == build(QUEUED, sender=SENDER, original=MAIL, max_original=LIMIT, enclosed=enclosed)


def test_a_notice_without_files_is_kept_as_it_was_before_there_were_any() -> None:
    """Its text, from which its Message-ID is drawn (ADR 0017), has no word of them; one with files comes back with them."""
    assert "enclosures" not in to_json(NOTICE)
    notice = replace(NOTICE, enclosures=(Enclosure(name="附件3.docx", form="附件3", entries=({"企业名称": "甲"},), head={"主题": "乙"}),))
    assert from_json(Notice, to_json(notice)) == notice
