"""The sample mails of the demo: each readable, invented, always the same, and each with the trait it is there for."""

from __future__ import annotations

import email
import io
import re
from collections import Counter
from email.message import Message

import pytest
from docx import Document
from stdnum.cn import uscc

from channels.identity import mail_keys
from daemon.demo.samples import MAILBOX, Sample, samples
from store.model.decision import Verdict

SAMPLES = {sample.name: sample for sample in samples()}
_DIVIDER = re.compile(r"\n-{10,}.{1,12}-{10,}\n")  # between own words and those quoted or forwarded


def parts(sample: Sample) -> list[Message]:
    """Return the leaves of *sample*."""
    return [part for part in email.message_from_bytes(sample.raw).walk() if not part.is_multipart()]


def text(sample: Sample) -> str:
    """Return the first body of *sample* as its program meant it, HTML without tags."""
    body = parts(sample)[0]
    payload = body.get_payload(decode=True)
    assert isinstance(payload, bytes)
    charset = body.get_content_charset()
    words = payload.decode("utf-8" if charset == "utf-8" else "gb18030")
    return re.sub(r"<[^>]*>", "", words.replace("\r\n", "\n").replace("</div>", "\n")).strip()


def test_twenty_mails_and_one_redelivery() -> None:
    """Twenty different mails of every outcome, one of them delivered twice."""
    assert len(SAMPLES) == 21
    assert len({mail_keys(sample.raw)[1] for sample in SAMPLES.values()}) == 20
    assert SAMPLES["重投"].raw == SAMPLES["房租补贴"].raw
    verdicts = Counter(sample.verdict for name, sample in SAMPLES.items() if name != "重投")
    assert verdicts == {Verdict.ACCEPT: 11, Verdict.REFUSE: 4, Verdict.SUPPLEMENT: 1, Verdict.NOT_A_CASE: 3, Verdict.FOLLOW_UP: 1}
    assert sorted(sample.ground for sample in SAMPLES.values() if sample.ground) == [2, 3, 4, 5]
    departments = [sample.department for name, sample in SAMPLES.items() if sample.verdict is Verdict.ACCEPT and name != "重投"]
    assert len(set(departments)) == 11


def test_always_the_same() -> None:
    """Two runs of the demo deliver the same octets, so that the second is known for a repetition."""
    assert samples() == list(SAMPLES.values())


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=lambda sample: sample.name)
def test_form(sample: Sample) -> None:
    """Each sample is a whole mail of CRLF lines to the demo's mailbox, without defects, its matter told in 80 to 300 signs."""
    mail = email.message_from_bytes(sample.raw)
    assert b"\n" not in sample.raw.replace(b"\r\n", b"")
    assert max(map(len, sample.raw.split(b"\r\n"))) < 998
    assert [part.defects for part in mail.walk() if part.defects] == []
    assert f"<{MAILBOX}>".encode() in sample.raw
    halves = ["".join(half.split()) for half in _DIVIDER.split(text(sample))]
    assert 80 <= max(map(len, halves)) <= 300


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=lambda sample: sample.name)
def test_invented(sample: Sample) -> None:
    """Codes pass the check digit, phones are of the invented range, and no domain can exist (RFC 2606)."""
    words = sample.raw.decode("ascii", "replace") + text(sample)
    for code in re.findall(r"91530114\w{10}", text(sample)):
        assert uscc.is_valid(code)
    assert all(phone.startswith("1990871") for phone in re.findall(r"(?<!\d)1[3-9]\d{9}(?!\d)", text(sample)))
    assert all(domain.endswith(".example") for domain in re.findall(r"@([\w-]+(?:\.[\w-]+)*\.[a-z]{2,10})", words))


def header(name: str) -> str:
    """Return the header of the sample *name* with its octets as Latin-1."""
    return SAMPLES[name].raw.partition(b"\r\n\r\n")[0].decode("latin-1")


def test_gb18030_called_gb2312() -> None:
    """The Foxmail sample says gb2312 and holds characters which that charset lacks."""
    body = parts(SAMPLES["消防"])[0]
    payload = body.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert body.get_content_charset() == "gb2312"
    with pytest.raises(UnicodeDecodeError):
        payload.decode("gb2312")
    assert "㛃" in payload.decode("gb18030")


def test_raw_eight_bit_header_without_identity() -> None:
    """The old dispatcher's mail has GBK octets in its subject, no Message-ID and no MIME header."""
    assert "城区货车通行证".encode("gbk").decode("latin-1") in header("货车通行证")
    assert "message-id" not in header("货车通行证").lower()
    assert "mime-version" not in header("货车通行证").lower()


@pytest.mark.parametrize("name", ["社保", "校外培训", "广告"])
def test_html_alone(name: str) -> None:
    """Some programs send no plain text."""
    assert [part.get_content_type() for part in parts(SAMPLES[name])] == ["text/html"]


def test_transfer_encodings() -> None:
    """Base64, quoted-printable and 8 bit all occur."""
    found = {str(part.get("Content-Transfer-Encoding", "8bit")) for sample in SAMPLES.values() for part in parts(sample)}
    assert found == {"base64", "quoted-printable", "8bit"}


def test_filled_form() -> None:
    """附件2 comes as .docx with every field filled in and a valid code."""
    octets = parts(SAMPLES["施工许可"])[-1].get_payload(decode=True)
    assert isinstance(octets, bytes)
    (table,) = Document(io.BytesIO(octets)).tables
    cells = [cell.text for row in table.rows for cell in row.cells]
    for label in ("企业名称", "统一社会信用代码", "企业所在地址", "反映诉求企业联系人", "联系电话", "诉求标题", "诉求内容"):
        assert cells[cells.index(label) + 1]
    assert uscc.is_valid(cells[cells.index("统一社会信用代码") + 1])


def test_photograph() -> None:
    """A picture is attached under a Chinese name."""
    picture = parts(SAMPLES["户外广告"])[-1]
    octets = picture.get_payload(decode=True)
    assert isinstance(octets, bytes)
    assert octets.startswith(b"\x89PNG\r\n\x1a\n")
    assert "=?GBK?B?" in picture["Content-Disposition"]


def test_follow_up_names_the_first_letter() -> None:
    """The follow-up answers the Message-ID of the first sample."""
    identity, _ = mail_keys(SAMPLES["冷链"].raw)
    assert f"In-Reply-To: <{identity}>" in header("续件")


def test_automatic_reply() -> None:
    """The out-of-office note says so (RFC 3834) and has the null sender."""
    assert "Auto-Submitted: auto-replied" in header("自动回复")
    assert SAMPLES["自动回复"].sender == ""
