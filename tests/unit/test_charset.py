"""Charsets as Chinese mail declares them, and as it really is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.charset import codec_of, decode

TEXT = "关于企业融资难的诉求，请贵局尽快答复。"
TRADITIONAL = "有關企業融資困難的陳情，懇請惠覆。"


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("gb2312", "gb18030"),
        ("GBK", "gb18030"),
        ("x-gbk", "gb18030"),
        ("GB_2312-80", "gb18030"),
        ("cp936", "gb18030"),
        ("MS936", "gb18030"),
        ("windows-936", "gb18030"),
        ("csGB2312", "gb18030"),
        ("GB18030-2000", "gb18030"),
        ("chinese", "gb18030"),
        ("hz-gb-2312", "hz"),
        ("Big5", "big5hkscs"),
        ("x-big5", "big5hkscs"),
        ('"utf-8"', "utf_8"),
        ("UTF8;", "utf_8"),
        ("windows-1251", "cp1251"),
        ("iso-2022-jp", "iso2022_jp"),
        ("us-ascii", "ascii"),
    ],
)
def test_label(label: str, codec: str) -> None:
    """A label means its superset, however it is spelled."""
    assert codec_of(label) == codec


@pytest.mark.parametrize(
    "label",
    [
        *(
            "utf-7",
            "unicode-1-1-utf-7",
            "unicode_escape",
            "raw_unicode_escape",
            "idna",
            "punycode",
            "base64",
            "hex",
            "zlib",
            "bz2",
            "rot13",
        ),
        *("uu", "undefined", "mbcs", "x-unknown", "", ".", "..", "os.path", "é", "a\0b", "x" * 1000),
    ],
)
def test_no_charset(label: str) -> None:
    """What names no charset of text is no codec: not UTF-7, no transformation of Python, no nonsense."""
    assert codec_of(label) is None
    assert decode(TEXT.encode(), label).text == TEXT


@pytest.mark.parametrize("label", [None, "utf-8", "gb2312", "gbk", "iso-8859-1", "us-ascii", "x-unknown", "utf-7", "big5"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_wrong_or_missing_label(encoding: str, label: str | None) -> None:
    """Chinese is read whatever the declaration says: utf-8 called gb2312, gb18030 called utf-8, both called Latin, or nothing."""
    assert decode(TEXT.encode(encoding), label).text == TEXT


@pytest.mark.parametrize(
    ("text", "encoding", "label"),
    [
        pytest.param("𠮷田先生与镕基", "gb18030", "gb2312", id="gb2312-label-gb18030-characters"),
        pytest.param(TEXT, "hz", "hz-gb-2312", id="hz"),
        pytest.param(TEXT, "gb18030", "hz-gb-2312", id="hz-label-8-bit"),
        pytest.param(TRADITIONAL, "big5", "big5", id="big5"),
        pytest.param(TRADITIONAL, "big5", None, id="big5-undeclared"),
        pytest.param(TRADITIONAL, "big5", "us-ascii", id="big5-called-ascii"),
        pytest.param(TRADITIONAL, "gb18030", None, id="traditional-gbk"),
        pytest.param(TEXT, "utf-16", None, id="utf-16-mark"),
        pytest.param(TEXT, "utf-16-le", "utf-16", id="utf-16-windows"),
        pytest.param(TEXT, "utf-16-be", "utf-16", id="utf-16-network"),
        pytest.param("卢敏杰", "utf-16-le", "utf-16le", id="utf-16-that-looks-like-ascii"),
        pytest.param(TEXT, "utf-8-sig", None, id="utf-8-mark"),
        pytest.param("Müller, Straße", "latin-1", "us-ascii", id="latin"),
        pytest.param("日本語のメールです", "iso-2022-jp", "iso-2022-jp", id="iso-2022-jp"),
        pytest.param("日本語のメールです", "shift_jis", "shift_jis", id="shift-jis"),
        pytest.param("안녕하세요", "euc-kr", "euc-kr", id="euc-kr"),
        pytest.param("привет", "koi8-r", "koi8-r", id="koi8-r"),
        pytest.param("联通", "gb18030", None, id="gbk-that-is-valid-utf-8"),
        pytest.param("王伟", "gb18030", None, id="two-characters"),
        pytest.param("王伟", "utf-8", "gb2312", id="two-characters-called-gb2312"),
    ],
)
def test_reading(text: str, encoding: str, label: str | None) -> None:
    """Each of these mails was written by real software; each has one right reading."""
    assert decode(text.encode(encoding), label).text == text


def test_utf_7_stays_as_it_is() -> None:
    """UTF-7 is shown undecoded, so that no markup comes out of it behind a filter."""
    assert decode(b"+ADw-script+AD4-", "utf-7").text == "+ADw-script+AD4-"


@pytest.mark.parametrize(("body", "footer"), [("utf-8", "gb18030"), ("gb18030", "utf-8")])
@pytest.mark.parametrize("label", [None, "utf-8", "gbk"])
def test_footer_in_another_charset(body: str, footer: str, label: str | None) -> None:
    """Body and a gateway's footer in different charsets are both read."""
    raw = f"{TEXT}\n{TEXT}\n".encode(body) + "【本邮件经网关扫描】".encode(footer)
    assert decode(raw, label).text == f"{TEXT}\n{TEXT}\n【本邮件经网关扫描】"


@pytest.mark.parametrize(("encoding", "cut"), [("utf-8", 1), ("utf-8", 2), ("gb18030", 1)])
def test_cut_off_character(encoding: str, cut: int) -> None:
    """Half a character at the end of a shortened text is dropped and spoils nothing."""
    assert decode(TEXT[:-1].encode(encoding)[:-cut], encoding).text == TEXT[:-2]


def test_one_broken_byte() -> None:
    """One broken byte costs one character and is mentioned; the text around it stays."""
    raw = TEXT.encode() + b"\xff" + TEXT.encode()
    read = decode(raw, "utf-8")
    assert read.text == f"{TEXT}�{TEXT}"
    assert read.doubt == "有 1 处无法解读"


@pytest.mark.parametrize(
    ("raw", "label", "doubt"),
    [
        (TEXT.encode(), "utf-8", ""),
        (TEXT.encode("gbk"), "gb2312", ""),
        (b"plain", None, ""),
        (b"plain", "x-unknown", ""),
        (TEXT.encode("gb18030"), None, "未声明字符集，按 gb18030 解读"),
        (TEXT.encode("gb18030"), "utf-8", "声明的字符集 utf-8 与内容不符，按 gb18030 解读"),
        (TEXT.encode("gb18030"), "x-foo", "字符集“x-foo”不认识，按 gb18030 解读"),
    ],
)
def test_doubt(raw: bytes, label: str | None, doubt: str) -> None:
    """A guess is told in Chinese, a declaration that fits is not worth a word."""
    assert decode(raw, label).doubt == doubt


def test_second_label() -> None:
    """Where the header's label is nonsense the second one, of the HTML itself, counts."""
    assert decode(TRADITIONAL.encode("big5"), "x-unknown", "big5").doubt == ""


@given(
    st.binary(max_size=200),
    st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["utf-8", "gbk", "hz", "utf-16", "iso-2022-jp", "big5"])),
)
def test_never_fails(raw: bytes, label: str | None) -> None:
    """Any bytes under any label become text that can be stored: no exception, no NUL, no lone surrogate."""
    text = decode(raw, label).text
    assert "\0" not in text
    assert text.encode().decode() == text


@given(st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=50))
def test_right_label_is_kept(text: str) -> None:
    """Valid UTF-8 that is declared as such is never read as anything else, however rare its characters."""
    assert decode(text.encode(), "utf-8").text == text
