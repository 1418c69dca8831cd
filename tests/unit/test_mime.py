"""Whole mails to letters: which text is the letter, which parts are files, what is told about guesses."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import replace
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.attachments import display_name
from channels.bodies import FORWARDED
from channels.mime import Limits, read_letter, text_letter
from store.errors import MalformedMessageError
from store.model.letter import Address, Letter

TEXT = "尊敬的领导：我公司水管爆裂，请尽快处理。"
HTML = f"<html><body><p>{TEXT}</p></body></html>"


def part(body: str, subtype: str = "plain", charset: str = "utf-8", head: str = "") -> bytes:
    """Return a text part."""
    encoded = b64encode(body.encode(charset)).decode()
    return f'Content-Type: text/{subtype}; charset="{charset}"\r\nContent-Transfer-Encoding: base64\r\n{head}\r\n{encoded}\r\n'.encode()


def file(content: bytes, head: str) -> bytes:
    """Return an attached file; *head* are its headers but for the transfer encoding."""
    return f"{head}\r\nContent-Transfer-Encoding: base64\r\n\r\n{b64encode(content).decode()}\r\n".encode()


def multipart(kind: str, *parts: bytes, boundary: str = "x") -> bytes:
    """Return a multipart of *parts*."""
    mark = f"--{boundary}".encode()
    head = f"Content-Type: multipart/{kind}; boundary={boundary}\r\n\r\n".encode()
    return head + b"".join(mark + b"\r\n" + each + b"\r\n" for each in parts) + mark + b"--\r\n"


def letter(entity: bytes, head: str = "From: a@b.cn\r\n") -> Letter:
    """Read a mail of *head* and *entity*."""
    return read_letter(head.encode() + entity).letter


@pytest.mark.parametrize(
    ("entity", "expected"),
    [
        pytest.param(part(TEXT), TEXT, id="plain"),
        pytest.param(part(HTML, "html"), TEXT, id="html-only"),
        pytest.param(part(HTML, "html", "gb18030"), TEXT, id="html-gb18030"),
        pytest.param(part(HTML), TEXT, id="html-called-plain"),
        pytest.param(multipart("alternative", part(TEXT), part("<p>x</p>", "html")), TEXT, id="plain-before-html"),
        pytest.param(multipart("alternative", part(""), part(HTML, "html")), TEXT, id="empty-plain"),
        pytest.param(multipart("alternative", part("请用网页查看"), part(f"<p>{TEXT * 3}</p>", "html")), TEXT * 3, id="plain-is-a-stub"),
        pytest.param(multipart("alternative", part(HTML, "html"), part(TEXT)), TEXT, id="html-first"),
        pytest.param(multipart("mixed", part(TEXT), part("第二段")), f"{TEXT}\n第二段", id="two-texts"),
        pytest.param(
            multipart(
                "alternative", part("看"), multipart("related", part(HTML, "html"), file(b"x", "Content-Type: image/png"), boundary="y")
            ),
            TEXT,
            id="related",
        ),
        pytest.param(
            multipart("mixed", part(TEXT, head="Content-Disposition: inline; filename=a.txt\r\n")), TEXT, id="named-but-the-only-text"
        ),
        pytest.param(b"\r\n" + TEXT.encode("gbk"), TEXT, id="no-headers-of-mime"),
        pytest.param(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + TEXT.encode(), TEXT, id="boundary-never-comes"),
        pytest.param(b'Content-Type: text/html\r\n\r\n<meta charset="gbk"><p>' + TEXT.encode("gbk"), TEXT, id="charset-in-the-html"),
        pytest.param(
            b"Content-Type: text/html; charset=utf-8\r\n\r\n<meta charset=utf-8>" + TEXT.encode("gbk"), TEXT, id="both-labels-wrong"
        ),
        pytest.param(b"Content-Type: application/pdf\r\n\r\nx", "", id="no-text"),
        pytest.param(
            "Content-Type: text/plain; charset=utf-8\r\n\r\na\rb\x0bc\x00\x1b\u200bd\u00a0e".encode(), "a\nb\ncd e", id="unseen-characters"
        ),
    ],
)
def test_text(entity: bytes, expected: str) -> None:
    """The text is the one a person would have read, and nothing else."""
    assert letter(entity).text == expected


@pytest.mark.parametrize(
    ("parameters", "body", "expected"),
    [
        ("format=flowed", "我公司 \n请求 \n\n二", "我公司 请求 \n二"),
        ("format=flowed; delsp=yes", "我公 \n司请求\n二", "我公司请求\n二"),
        ("format=flowed", "> 引 \n> 用\n自己", "> 引 用\n自己"),
        ("format=flowed", "话 \n-- \n签名", "话 \n-- \n签名"),
        ("format=flowed", " From 起", "From 起"),
        ("format=fixed", "我公司 \n请求", "我公司 \n请求"),
    ],
)
def test_flowed(parameters: str, body: str, expected: str) -> None:
    """Soft line breaks of format=flowed are joined, quotes and signature apart (RFC 3676)."""
    raw = f"From: a@b.cn\r\nContent-Type: text/plain; charset=utf-8; {parameters}\r\n\r\n".encode() + body.encode()
    assert read_letter(raw).letter.text == expected


def test_forwarded_mail() -> None:
    """A forwarded mail stands below a divider line with its sender, date and subject; its files are ours."""
    inner = "From: 张三 <z@b.cn>\r\nDate: Sat, 01 Jun 2024 10:00:00 +0800\r\nSubject: =?gb2312?B?zaPLrg==?=\r\n".encode()
    inner += multipart("mixed", part("里面的话"), file(b"x", "Content-Type: image/png; name=a.png"), boundary="y")
    read = letter(multipart("mixed", part("请看"), b"Content-Type: message/rfc822\r\n\r\n" + inner))
    own, _, forwarded = read.text.partition(FORWARDED)
    assert own.strip() == "请看"
    assert forwarded.strip().splitlines() == [
        "发件人：张三 <z@b.cn>",
        "发送时间：Sat, 01 Jun 2024 10:00:00 +0800",
        "主题：停水",
        "",
        "里面的话",
    ]
    assert [each.name for each in read.attachments] == ["a.png"]


def test_headers() -> None:
    """Every header of the letter, decoded."""
    read = letter(
        part(TEXT),
        "From: =?gb2312?B?1cXI/Q==?= <Z@B.CN>\r\nTo: a@b.cn, c@d.cn\r\nCc: e@f.cn\r\nReply-To: r@b.cn\r\nMessage-ID: <1@b>\r\nIn-Reply-To: <0@b>\r\n"
        "References: <-1@b> <0@b>\r\nDate: Sat, 01 Jun 2024 10:00:00 +0800\r\nSubject: =?utf-8?B?5L2g5aW9?=\r\n",
    )
    assert (read.sender, read.reply_to) == (Address(name="张三", address="Z@b.cn"), Address(name="", address="r@b.cn"))
    assert [each.address for each in read.to] == ["a@b.cn", "c@d.cn", "e@f.cn"]
    assert (read.message_id, read.in_reply_to, read.references, read.subject) == ("1@b", ("0@b",), ("-1@b", "0@b"), "你好")
    assert read.date
    assert read.date.isoformat() == "2024-06-01T02:00:00+00:00"
    assert read.doubts == ()


@pytest.mark.parametrize(
    ("head", "address"), [("Sender: s@b.cn\r\n", "s@b.cn"), ("From: 张三\r\nSender: s@b.cn\r\n", "s@b.cn"), ("From: 张三\r\n", None)]
)
def test_sender(head: str, address: str | None) -> None:
    """Without an address in From the Sender counts; without both there is none, and it is told."""
    read = letter(part(TEXT), head)
    assert (read.sender.address if read.sender else None) == address
    assert ("发件人栏缺失或没有可用的邮箱地址" in read.doubts) is (address is None)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        pytest.param('Content-Type: application/msword; name="表.doc"', "表.doc", id="raw-utf-8"),
        pytest.param(
            "Content-Type: application/msword\r\nContent-Disposition: attachment; filename*=gb18030''"
            + quote_from_bytes("坐诊.docx".encode("gb18030")),
            "坐诊.docx",
            id="gb18030",
        ),
        pytest.param(
            'Content-Type: a/b; name="other.doc"\r\nContent-Disposition: attachment; filename="disposition.doc"',
            "disposition.doc",
            id="filename-before-name",
        ),
        pytest.param('Content-Type: a/b; name="..\\..\\etc\\x.doc"', "x.doc", id="path"),
        pytest.param("Content-Type: image/png", "附件.png", id="no-name"),
        pytest.param("Content-Type: application/ms-tnef; name=winmail.dat", "winmail.dat", id="tnef"),
        pytest.param("Content-Type: application/pkcs7-signature; name=smime.p7s", "smime.p7s", id="signature"),
        pytest.param("Content-Type: text/calendar", "附件.ics", id="calendar"),
        pytest.param("Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt", "a.txt", id="attached-text"),
    ],
)
def test_file(head: str, name: str) -> None:
    """A file keeps its bytes under their hash and shows the name its sender gave, cleaned."""
    parts = read_letter(b"From: a@b.cn\r\n" + multipart("mixed", part(TEXT), file(b"content", head)))
    (attachment,) = parts.letter.attachments
    assert (attachment.name, attachment.size, attachment.sha256) == (name, 7, hashlib.sha256(b"content").hexdigest())
    assert parts.blobs == {attachment.sha256: b"content"}
    assert parts.letter.text == TEXT


def test_raw_gbk_file_name() -> None:
    """A file name in raw GBK bytes is read."""
    head = 'Content-Type: application/msword; name="关于停水的函.doc"\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n'.encode("gbk")
    assert letter(multipart("mixed", part(TEXT), head)).attachments[0].name == "关于停水的函.doc"


@pytest.mark.parametrize(
    ("given", "kind", "shown"),
    [
        ("a\u202egpj.exe", "a/b", "agpj.exe"),
        ("\u200b.htaccess", "a/b", "htaccess"),
        ("/etc/passwd", "a/b", "passwd"),
        ("C:\\合同／..\\报价.xlsx", "a/b", "报价.xlsx"),
        ("..", "application/pdf", "附件.pdf"),
        ("...///", "a/b", "附件"),
        ("a\r\nb\0.doc", "a/b", "ab.doc"),
        ("x" * 500 + ".docx", "a/b", "x" * 115 + ".docx"),
        ("e\u0301.doc", "a/b", "é.doc"),
        ("表.doc", "a/b", "表（3）.doc"),
        ("TAKEN", "a/b", "TAKEN（2）"),
    ],
)
def test_display_name(given: str, kind: str, shown: str) -> None:
    """A shown name deceives nobody: nothing invisible, no path, bounded, each once."""
    assert display_name(given, kind, {"表.doc", "表（2）.doc", "taken"}) == shown


@pytest.mark.parametrize(
    ("entity", "doubt"),
    [
        pytest.param(
            multipart("mixed", file(b"x", "Content-Type: application/ms-tnef; name=winmail.dat")),
            "附件 winmail.dat 是 Outlook 专用封装（winmail.dat），未展开，请在原件中查看",
            id="tnef",
        ),
        pytest.param(
            file(b"x", "Content-Type: application/pkcs7-mime; name=smime.p7m"),
            "附件 smime.p7m 是加密或签名封装，内容未读，请在原件中查看",
            id="encrypted",
        ),
        pytest.param(b"\r\n" + TEXT.encode("gb18030"), "正文未声明字符集，按 gb18030 解读", id="charset"),
        pytest.param(
            b"Content-Type: multipart/mixed; boundary=x\r\n\r\nx", "声明为多部分邮件，却没有找到各部分的分隔线，按纯文本读取", id="boundary"
        ),
        pytest.param(b"Content-Transfer-Encoding: x-foo\r\n\r\nx", "正文传输编码“x-foo”不认识，按原样保留", id="transfer-encoding"),
        pytest.param(b"To: " + b"a@b.cn, " * 300 + b"\r\n\r\nx", "收件人约有 300 个，只读前 200 个", id="recipients"),
    ],
)
def test_doubts(entity: bytes, doubt: str) -> None:
    """What was guessed or left closed is told to the person who decides."""
    assert letter(entity).doubts == (doubt,)


def test_text_is_capped() -> None:
    """Of an endless text the beginning is kept, and it is told."""
    read = read_letter(b"From: a@b.cn\r\n" + part("文" * 3_000), Limits(text=1_000)).letter
    assert (len(read.text), read.doubts) == (1_000, ("正文有 3000 字，只保留前 1000 字",))


def test_text_source_is_capped() -> None:
    """Of 20 MB of text no more than 3 MB are even looked at."""
    read = letter(b"\r\n" + b"word \n" * 3_500_000)
    assert len(read.text) == 500_000
    assert "正文超过 3 MB，其后内容未读" in read.doubts


def test_pictures_inside_html() -> None:
    """A picture of many megabytes in the HTML itself costs no word of the text behind it, and is told."""
    read = letter(part(f'<p>前</p><img src="data:image/png;base64,{"A" * 5_000_000}"><p>{TEXT}</p>', "html"))
    assert read.text == f"前\n{TEXT}"
    assert read.doubts == ("正文网页里嵌有 1 张图片，未作为附件取出，请看原件",)


@pytest.mark.parametrize(
    ("raw", "limits", "message"),
    [
        (b"x" * 101, Limits(size=100), "邮件有 101 字节，超过上限 100 字节"),
        (b"", Limits(), "邮件是空的"),
        (b" \r\n\0\r\n", Limits(), "邮件是空的"),
    ],
)
def test_refused(raw: bytes, limits: Limits, message: str) -> None:
    """What cannot be read is refused with the reason in Chinese."""
    with pytest.raises(MalformedMessageError, match=message):
        read_letter(raw, limits)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-8-sig", "utf-16"])
def test_text_letter(encoding: str) -> None:
    """A letter that a clerk typed is read from any encoding an editor saves, without a doubt."""
    read = text_letter(f"{TEXT}\r\n联系人：张三\r\n".encode(encoding)).letter
    assert read == replace(read, text=f"{TEXT}\n联系人：张三", subject="", sender=None, attachments=(), automatic=None, doubts=())


@pytest.mark.parametrize(
    ("raw", "limits", "message"),
    [
        (b"", Limits(), "文件里没有文字"),
        (b"\xef\xbb\xbf \r\n", Limits(), "文件里没有文字"),
        (b"PK\x03\x04abc", Limits(), "不是文本文件"),
        (b"\x7fELF\0\0", Limits(), "不是文本文件"),
        (b"x" * 101, Limits(size=100), "超过上限"),
    ],
)
def test_text_letter_refused(raw: bytes, limits: Limits, message: str) -> None:
    """A file that is no text says what to do instead."""
    with pytest.raises(MalformedMessageError, match=message):
        text_letter(raw, limits)


@given(st.binary(max_size=500))
def test_random_bytes(raw: bytes) -> None:
    """Random bytes are a letter or refused, nothing else; what comes out can be stored."""
    try:
        read = read_letter(b"Content-Type: multipart/mixed; boundary=x\n\n--x\n" + raw).letter
    except MalformedMessageError:
        return
    assert "\0" not in read.text + read.subject
    assert (read.text + read.subject).encode().decode() == read.text + read.subject
