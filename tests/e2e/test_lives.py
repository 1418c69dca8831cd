"""Lives of cases from the first mail to the last, by mail alone: the real daemon, real mail servers. `make lives` prints every mail of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from tests.e2e.lives.at_the_coordinator import overruled, refused, separated, supplemented, unreachable
from tests.e2e.lives.at_the_department import late, rated_low, returned_twice, solved, withdrawn
from tests.e2e.lives.post import Post, office
from tests.servers.dovecot import Dovecot

pytestmark = pytest.mark.timeout(300)  # each wait has its own, shorter end, and says which mails came

Lives = Mapping[str, Callable[[Post], Awaitable[None]]]

BY_LMTP: Lives = {
    "受理并办结": solved,
    "承诺而逾期": late,
    "两次退回": returned_twice,
    "评价不满意，重点督办": rated_low,
    "企业撤回": withdrawn,
}
BY_IMAP: Lives = {
    "拟不予受理，同意": refused,
    "拟不予受理，不同意": overruled,
    "补正": supplemented,
    "部门邮箱失效": unreachable,
    "认定重复，又分开": separated,
}


async def _play(post: Post, lives: Lives) -> None:
    """Play *lives* one after another, and print the mails of each."""
    for title, life in lives.items():
        begin = len(post.mails)
        try:
            await life(post)
        finally:
            print(f"\n━━━━ {title}\n", *(mail.shown() for mail in post.mails[begin:]), sep="\n")  # noqa: T201 - what `make lives` is for
    await post.ends()


async def test_lives_by_lmtp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The office's Postfix hands mail over by LMTP: each life gets the mails that it should, in order, and no other mail leaves."""
    async with office(tmp_path, monkeypatch) as post:
        await _play(post, BY_LMTP)


async def test_lives_by_imap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dovecot: Dovecot) -> None:
    """The office's Postfix lays mail into a mailbox of a Dovecot, which the daemon reads by IMAP: as above."""
    async with office(tmp_path, monkeypatch, dovecot) as post:
        await _play(post, BY_IMAP)
