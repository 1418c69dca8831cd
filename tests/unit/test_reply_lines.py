"""The lines that our mails offer for an answer are lines that reading understands, each as what it is offered for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from channels.reply import read_reply
from notifier.reply_lines import reply_lines
from rules.rulebook import builtin_pack, load_pack
from store.model.case import CaseState
from store.model.letter import Letter
from tests.sample_case import CASE

BOOK = load_pack(builtin_pack("chenggong"))
OFFICES = ("department:swj", "coordinator", "enterprise")


@pytest.mark.parametrize("office", OFFICES)
def test_every_line_is_understood(office: str) -> None:
    """Whatever state a case is in, each line that is offered is read as one command and leaves no doubt."""
    lines = {line for state in CaseState for line in reply_lines(replace(CASE, state=state), office, BOOK.district, may_unbook=True)}
    assert len(lines) >= 3
    for line in lines:
        read = read_reply(Letter(text=line), BOOK.reply_words)
        assert len(read.commands) == 1, (line, read)
        assert read.doubts == (), line


def test_whoever_may_not_act_is_offered_nothing() -> None:
    """A copy for oversight offers no line."""
    assert reply_lines(CASE, "", BOOK.district) == []
