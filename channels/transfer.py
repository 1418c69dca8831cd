"""Content-Transfer-Encoding undone on bytes (RFC 2045 section 6), leniently: what gateways and clients spoil is still read."""

from __future__ import annotations

import binascii
import re

_NOT_BASE64 = bytes(byte for byte in range(256) if not (chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) in "+/")))
_MORE_BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]*+")
_FOREIGN = re.compile(rb"[^A-Za-z0-9+/=\r\n]")
_PADDING = re.compile(rb"=[=\s]*+")
_QUAD = 4
_MAX_BLOCKS = 1_000
_SAMPLE = 4096  # bytes looked at to see whether a body is what its encoding says
_LINE = 20  # characters that are enough to tell
_PROSE = 50  # prose has a space or a point more often than every so many characters, base64 has none
_AS_IS = frozenset({"", "7bit", "8bit", "binary"})


def unpack(body: bytes | memoryview, encoding: str) -> tuple[bytes, str]:
    """Return *body* without its transfer *encoding*, and in Chinese what was odd about it ("" where nothing). Never raises."""
    encoding = encoding.strip().lower()
    if encoding == "base64":
        return _unpack_base64(body)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body), ""
    return bytes(body), "" if encoding in _AS_IS else f"传输编码“{encoding[:40]}”不认识，按原样保留"


def unbase64(data: bytes | memoryview) -> bytes:
    """Decode base64 in which padding is missing, doubled or in the middle, as where several blocks were joined."""
    try:
        decoded = binascii.a2b_base64(data)
    except binascii.Error:
        return b"".join(_blocks(bytes(data)))
    padding = _PADDING.search(data)  # the decoder stops there without a word
    rest = bytes(data[padding.end() :]).strip() if padding else b""
    return b"".join(_blocks(bytes(data))) if rest and _MORE_BASE64.fullmatch(rest) else decoded


def _blocks(data: bytes) -> list[bytes]:
    """Decode block by block between runs of padding; a last lone character carries no byte."""
    blocks = []
    for block in data.split(b"=", _MAX_BLOCKS):
        digits = block.translate(None, delete=_NOT_BASE64)
        digits = digits[: len(digits) - (len(digits) % _QUAD == 1)]
        blocks.append(binascii.a2b_base64(digits + b"=" * (-len(digits) % _QUAD)))
    return blocks


def _unpack_base64(body: bytes | memoryview) -> tuple[bytes, str]:
    sample = bytes(body[:_SAMPLE]).strip(b"= \t\r\n")
    before_padding = sample.partition(b"=")[0]
    if len(before_padding) > _LINE:  # behind the padding a mailing list may have put its footer
        sample = before_padding
    if not sample.isascii() or len(_FOREIGN.findall(sample)) * _PROSE > len(sample):
        return bytes(body), "声明为 base64，内容却不是，按原样读取"
    return unbase64(body), ""
