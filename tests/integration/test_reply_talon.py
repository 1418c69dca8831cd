"""New text of the reply samples of mailgun/talon: twelve mails of as many clients, and nine bodies in HTML."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels.mime import read_letter
from channels.reply import read_reply
from rules.reply_words import product_words

_FIXTURES = Path(__file__).parents[2].parent / "shared/data/reply_talon/tests/fixtures"
_RUSSIAN = {"windows_mail.html"}  # header lines in Russian, which no sender of ours writes
_HTML_HEAD = b"Content-Type: text/html; charset=utf-8\n\n"


def _samples(folder: str, pattern: str) -> list[Path]:
    samples = sorted((_FIXTURES / folder).glob(pattern))
    if not samples:
        pytest.skip("第三方样本不在项目旁：reply_talon")
    return samples


def _new_text(raw: bytes) -> str:
    return " ".join(read_reply(read_letter(raw).letter, product_words()).new_text.split())


def test_new_text_of_mails() -> None:
    """Of each mail just the word above quotation, signature and the client's line is new."""
    read = {sample.name: _new_text(sample.read_bytes()) for sample in _samples("standard_replies", "*.eml")}

    assert {name: text for name, text in read.items() if text != "Hello"} == {}


def test_new_text_of_html() -> None:
    """Of each HTML body the words above the quotation are new; the name below the thanks may count as signature."""
    read = {sample.name: _new_text(_HTML_HEAD + sample.read_bytes()) for sample in _samples("html_replies", "*.html")}

    assert {name for name, text in read.items() if text.removesuffix(" Alex") != "Hi. I am fine. Thanks,"} == _RUSSIAN
