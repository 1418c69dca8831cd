"""Encoded words, parameters and transfer encodings as senders spoil them."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.transfer import unbase64, unpack
from channels.words import decode_words, parse_value

SUBJECT = "关于企业融资难的诉求"
GBK = SUBJECT.encode("gbk")
UTF8 = SUBJECT.encode()


def word(raw: bytes, charset: str = "gb2312") -> str:
    """One encoded word."""
    return f"=?{charset}?B?{b64encode(raw).decode()}?="


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(word(GBK), id="plain"),
        pytest.param(word(UTF8, "UTF-8"), id="utf-8"),
        pytest.param(word(GBK, "x-gbk"), id="x-gbk"),
        pytest.param(word(GBK[:8]) + " " + word(GBK[8:]), id="two-words"),
        pytest.param(word(GBK[:7]) + "\t " + word(GBK[7:]), id="split-in-a-character"),
        pytest.param(word(GBK[:7]) + " " + word(GBK[7:], "GB18030"), id="split-in-a-character-other-label"),
        pytest.param(word(UTF8[:7], "utf-8") + " " + word(UTF8[7:], "UTF-8"), id="split-utf-8"),
        pytest.param(word(GBK[:8]) + word(GBK[8:]), id="no-space-between"),
        pytest.param(f"=?gb2312?B?{b64encode(GBK).decode()[:6]}?= =?gb2312?B?{b64encode(GBK).decode()[6:]}?=", id="split-in-base64-group"),
        pytest.param(f"=?gb2312?B?{b64encode(GBK).decode()[:8]} {b64encode(GBK).decode()[8:]}?=", id="space-inside"),
        pytest.param(f"=? gb2312 ?B? {b64encode(GBK).decode()}?=", id="spaces-around"),
        pytest.param(f"=?gb2312?B?{b64encode(GBK).decode().rstrip('=')}?=", id="no-padding"),
        pytest.param(f"=?gb2312?B?{b64encode(GBK).decode()}", id="no-end"),
        pytest.param(word(GBK, "gb2312*zh-cn"), id="language"),
        pytest.param("=?gb2312?Q?" + "".join(f"={byte:02X}" for byte in GBK) + "?=", id="q"),
        pytest.param("=?utf-8?q?" + "".join(f"={byte:02x}" for byte in UTF8) + "?=", id="q-lower"),
        pytest.param(word(GBK, "utf-8"), id="wrong-label"),
        pytest.param(word(UTF8), id="utf-8-called-gb2312"),
        pytest.param(word(GBK, "x-unknown"), id="unknown-label"),
    ],
)
def test_encoded_words(header: str) -> None:
    """The subject comes out whole from every way in which clients write it."""
    assert decode_words(header) == SUBJECT


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"回复：{word(GBK)} (3)", f"回复：{SUBJECT} (3)"),
        (f"Re: {word(UTF8, 'utf-8')}: x", f"Re: {SUBJECT}: x"),
        ("=?utf-8?Q?a_b?= c", "a b c"),
        ("no words =? here ?=", "no words =? here ?="),
        ("", ""),
        (f"{word(GBK)} {word(UTF8, 'utf-8')}", SUBJECT * 2),
    ],
)
def test_words_among_text(header: str, expected: str) -> None:
    """Text around encoded words stays; only space between two words falls away."""
    assert decode_words(header) == expected


@pytest.mark.parametrize(
    ("header", "name", "expected"),
    [
        pytest.param("a; filename*=gb18030''%D7%F8%D5%EF.docx", "filename", "坐诊.docx", id="gb18030"),
        pytest.param("a; filename*=UTF-8'zh-CN'%E5%9D%90.docx", "filename", "坐.docx", id="language"),
        pytest.param(
            "a; filename*0*=utf-8''%E5%BE%8B%E5; filename*1*=%B8%88%E5%87%BD.pdf", "filename", "律师函.pdf", id="cut-in-a-character"
        ),
        pytest.param("a; filename*1*=%B8%88.pdf; filename*0*=utf-8''%E5%BE%8B%E5", "filename", "律师.pdf", id="out-of-order"),
        pytest.param("a; filename*0*=gbk''%C2%C9; filename*1=-1; filename*2=.pdf", "filename", "律-1.pdf", id="mixed-segments"),
        pytest.param("a; filename=x.doc; filename*=utf-8''%E5%9D%90.doc", "filename", "坐.doc", id="extended-wins"),
        pytest.param("a; filename*=utf-8''%E5%9D%90.doc; filename=x.doc", "filename", "坐.doc", id="extended-wins-whatever-the-order"),
        pytest.param(f'a; filename="{word(GBK)}"', "filename", SUBJECT, id="encoded-word-in-quotes"),
        pytest.param(f"a; name={word(GBK)}", "name", SUBJECT, id="encoded-word"),
        pytest.param(f'a; filename="{word(GBK[:7])} {word(GBK[7:])}"', "filename", SUBJECT, id="encoded-words-split"),
        pytest.param('a; filename="%E6%9D%90%E6%96%99.docx"', "filename", "材料.docx", id="percent-without-asterisk"),
        pytest.param('a; filename="100% ok.doc"', "filename", "100% ok.doc", id="percent-sign"),
        pytest.param("a; filename*=UTF-8''材料.docx", "filename", "材料.docx", id="raw-in-extended"),
        pytest.param('a; filename="C:\\dir\\a;b.doc"; x=y', "filename", "C:\\dir\\a;b.doc", id="windows-path"),
        pytest.param('a; filename="say \\"hi\\".doc"', "filename", 'say "hi".doc', id="escaped-quote"),
        pytest.param("a;filename=关于 申请.docx", "filename", "关于 申请.docx", id="unquoted-spaces"),
        pytest.param('a; boundary="=?x"', "boundary", "=?x", id="boundary-is-no-word"),
        pytest.param("a charset=gbk", "charset", "gbk", id="no-semicolon"),
        pytest.param("a; CHARSET=x; charset=y", "charset", "x", id="first-counts"),
        pytest.param('a; filename="open.doc', "filename", "open.doc", id="open-quote"),
    ],
)
def test_parameter(header: str, name: str, expected: str) -> None:
    """RFC 2231 and the many wrong ways to name a file."""
    assert parse_value(header)[1][name] == expected


@pytest.mark.parametrize(
    ("header", "value"), [("Text/HTML; charset=x", "text/html"), ("text/plain", "text/plain"), ("", ""), (" ; a=b", ";")]
)
def test_value(header: str, value: str) -> None:
    """The value stands before the first semicolon or space, in lower case."""
    assert parse_value(header)[0].strip(";") == value.strip(";")


@pytest.mark.parametrize(
    ("packed", "encoding", "expected"),
    [
        (b"5L2g5aW9", "base64", "你好"),
        (b"5L2g5aW9==", "BASE64 ", "你好"),
        (b"5L2g\r\n5aW\r\n9", "base64", "你好"),
        (b"5L2gYQ==5aW9", "base64", "你a好"),
        (b"5L2g5aW95L2g5aW95L2g5aW9YQ==\n-- \nlist footer", "base64", "你好你好你好a"),
        ("您好".encode(), "base64", "您好"),
        (b"Dear all, it is plain text.", "base64", "Dear all, it is plain text."),
        (b"=E4=BD=A0=\r\n=E5=A5=BD=ZZ", "quoted-printable", "你好=ZZ"),
        ("您好".encode(), "8bit", "您好"),
        (b"x", "x-uuencode", "x"),
        (b"", "base64", ""),
    ],
)
def test_transfer_encoding(packed: bytes, encoding: str, expected: str) -> None:
    """Bodies are unpacked leniently, and what is not packed as declared is taken as it is."""
    assert unpack(packed, encoding)[0].decode() == expected


@pytest.mark.parametrize(("packed", "encoding"), [("您好".encode(), "base64"), (b"x", "x-uuencode")])
def test_odd_transfer_encoding_is_told(packed: bytes, encoding: str) -> None:
    """A declaration that was not followed is mentioned."""
    assert unpack(packed, encoding)[1]


@given(st.text(alphabet="=?utf-8BbqQ* ;\"'%0123你\\/\t", max_size=200))
def test_headers_never_fail(header: str) -> None:
    """Any header is read as something."""
    assert isinstance(decode_words(header), str)
    assert isinstance(parse_value(header)[1], dict)


@given(st.binary(max_size=200))
def test_base64_never_fails(raw: bytes) -> None:
    """Any bytes are read as base64, and what was encoded comes back."""
    assert isinstance(unbase64(raw), bytes)
    assert unbase64(b64encode(raw)) == raw
