"""The token of a mail of ours: shown in a subject, read back however a client has treated it, and never passed on."""

from __future__ import annotations

import pytest

from store import tokens

MARK = "0123456789abcdef0123456789abcdef"
MESSAGE_ID = f"{MARK}.assign@gov.example"
SHOWN = tokens.shown(MESSAGE_ID)
OTHER = tokens.shown(f"{'f' * 32}.assign@gov.example")


def test_all_bits_are_shown() -> None:
    """What stands in the subject is the whole token, 128 bits in 26 letters."""
    assert SHOWN == "〔回执AERUKZ4JVPG66AJDIVTYTK6N54〕"
    assert list(tokens.in_text(SHOWN)) == [MARK]


@pytest.mark.parametrize(
    "subject",
    [
        f"回复：交办 CG-2024-00001{SHOWN}",
        f"Re: 交办 {SHOWN.lower()}",
        f"交办 {SHOWN[:12]}  {SHOWN[12:]}",
        f"交办 {SHOWN.replace('〔', '[').replace('〕', ']').replace('回执', '回执：')}",
        f"交办 {SHOWN[:-1]}",
    ],
)
def test_read_back(subject: str) -> None:
    """A token is read whatever a client does to case, brackets and folds of a subject."""
    assert list(tokens.in_text(subject)) == [MARK]


@pytest.mark.parametrize("subject", ["回执单已收到", "〔回执ABC〕", f"{SHOWN[:-1]}AA〕", MARK])
def test_no_token(subject: str) -> None:
    """What is too short, too long or no token is none."""
    assert list(tokens.in_text(subject)) == []


def test_address_carries_it() -> None:
    """The address to reply to carries the token, and is the plain one again without it."""
    address = tokens.reply_address(MESSAGE_ID, "zuozhen@gov.example")
    assert tokens.in_address(address) == MARK
    assert tokens.without_plus(address) == "zuozhen@gov.example"
    assert tokens.without_plus("a+b@gov.example") == "a+b@gov.example"
    assert tokens.reply_address("1@enterprise.example", "zuozhen@gov.example") == "zuozhen@gov.example"


def test_removed_everywhere() -> None:
    """Nothing of a token is left in a text that goes to others; the rest of the text is."""
    address = tokens.reply_address(MESSAGE_ID, "zuozhen@gov.example")
    text = f"主题：交办{SHOWN}\nMessage-ID: <{MESSAGE_ID}>\nReply-To: {address}\n已收到{OTHER}"
    assert tokens.removed(text) == (f"主题：交办\nMessage-ID: <{'0' * 32}.assign@gov.example>\nReply-To: zuozhen@gov.example\n已收到")


def test_foreign_message_id() -> None:
    """A Message-ID of others is no token."""
    assert tokens.mark_of("tencent_0123@qq.example") == ""
    assert tokens.shown("tencent_0123@qq.example") == ""
