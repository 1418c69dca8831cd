"""How mail gets lost elsewhere: each way, against the real server. The name of a test names the failure; behind each, nothing is unaccounted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from channels.imap import Account, Connection, Head
from channels.imap_after import KEYWORD, After
from channels.imap_intake import Intake
from store.errors import ChannelUnavailableError, CommandRefusedError, StoreUnavailableError
from store.model.mailbox import Folder, Taken
from store.tables import ARRIVALS
from tests.integration.mailboxes import NOW, Desk, accepted_elsewhere, desk, mail
from tests.servers.dovecot import Dovecot

MOVE = After(kind="move", move_to="已处理")
SEEN = After(kind="seen")
FLAG = After(kind="flag")


@pytest.fixture
async def post(dovecot: Dovecot, database_url: str) -> AsyncIterator[Desk]:
    """Look after a fresh box, with a fresh database of either kind."""
    async with desk(dovecot.box(), database_url) as opened:
        yield opened
        assert await opened.unaccounted() == []


async def test_unseen_is_no_work_list(post: Desk) -> None:
    """freescout#2001, #3406: a person opens the mail before the daemon looks; it is taken in all the same."""
    post.box.put(mail("one"), mail("two"))
    with post.box.client("INBOX") as person:
        person.set_flags([1, 2], ["\\Seen"])

    assert await post.look() == 2
    assert await post.subjects() == ["one", "two"]


async def test_looking_does_not_mark_as_seen(post: Desk) -> None:
    """A mailbox whose mail is to be left alone is left alone: nothing appears as read."""
    post.box.put(mail("one"))
    await post.look()

    assert post.box.flags() == {1: set()}


async def test_exception_marks_nothing(post: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """FreeScout's FetchEmails: what fails is neither flagged nor entered, is counted, and is taken in as soon as it can be."""
    post.again(after=SEEN)
    post.box.put(mail("one"), mail("two"), mail("three"))
    keep = post.intake._book.keep

    def fail(folder: Folder, taken: Sequence[Taken]) -> object:
        if any(one.uid == 2 for one in taken):
            raise RuntimeError("bug")
        return keep(folder, taken)

    monkeypatch.setattr(post.intake._book, "keep", fail)
    assert await post.look() == 2
    assert post.intake.unaccounted == 1
    assert post.box.flags() == {1: {"\\Seen"}, 2: set(), 3: {"\\Seen"}}
    assert await post.unaccounted() == [2]

    monkeypatch.undo()
    assert await post.look() == 1
    assert sorted(await post.subjects()) == ["one", "three", "two"]


@pytest.mark.parametrize("identity", ["", " ", "<>", "a b c"])
async def test_empty_message_id(post: Desk, identity: str) -> None:
    """freescout#4740, Chatwoot: two mails without a usable Message-ID are two mails."""
    post.box.put(mail("one", message_id=identity), mail("two", message_id=identity))

    assert await post.look() == 2
    assert await post.subjects() == ["one", "two"]


async def test_no_message_id_at_all(post: Desk) -> None:
    """Likewise where the field is missing."""
    post.box.put(b"Subject: one\r\n\r\n1\r\n", b"Subject: two\r\n\r\n2\r\n")

    assert await post.look() == 2


async def test_repeated_message_id_with_other_content(post: Desk) -> None:
    """A client that gives every mail one Message-ID: other content is another message, the same content is the same."""
    post.box.put(mail("one", message_id="x@y"), mail("two", message_id="x@y"), mail("one", message_id="x@y"))

    assert await post.look() == 3
    assert await post.subjects() == ["one", "two"]
    assert await post.deliveries() == 1


async def test_more_than_a_bunch(post: Desk) -> None:
    """freescout#4624, osTicket: no window and no bunch size cuts off the newest or starves the oldest."""
    names = [f"mail-{number}" for number in range(470)]
    post.box.pour([mail(name) for name in names])

    assert await post.look() == 470
    assert sorted(await post.subjects()) == sorted(names)


async def test_outage_of_two_days(post: Desk) -> None:
    """chatwoot#10429: what came during an outage is taken in, and counts from the day on which it reached the mailbox."""
    post.box.put(mail("before"), at=NOW - timedelta(days=3))
    await post.look()
    came = [NOW - timedelta(hours=47), NOW - timedelta(hours=25), NOW - timedelta(minutes=1)]
    for number, at in enumerate(came):
        post.box.put(mail(f"during-{number}"), at=at)
    post.again()

    assert await post.look() == 3
    assert [at for _, at in await post.arrivals()] == [NOW - timedelta(days=3), *came]


async def test_moment_that_cannot_be(post: Desk) -> None:
    """A mailbox with a wrong clock: what came in the future or before the century came now."""
    post.box.put(mail("future"), at=NOW + timedelta(days=2))
    post.box.put(mail("past"), at=datetime(1980, 1, 1, tzinfo=UTC))
    await post.look()

    assert [at for _, at in await post.arrivals()] == [NOW, NOW]


async def test_sequence_shifts_while_moving(post: Desk) -> None:
    """osTicket#6979: moving while reading skips nothing, since no sequence number is ever used."""
    post.again(after=MOVE)
    post.box.put(mail("old"), folder="已处理")
    names = [f"mail-{number:03}" for number in range(120)]
    post.box.pour([mail(name) for name in names])

    assert await post.look() == 120
    assert post.box.uids() == []
    assert sorted(post.box.subjects("已处理")) == ["mail-000", *names[1:], "old"]


async def test_sequence_shifts_by_somebody_else(post: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody deletes mail between our commands: what is left is taken in, each once; what is gone is nobody's loss of ours."""
    post.box.put(*(mail(f"mail-{number}") for number in range(6)))
    connection = post.connect()
    heads = connection.heads

    def meanwhile(uids: Collection[int]) -> dict[int, Head]:
        found = heads(uids)
        with post.box.client("INBOX") as person:
            person.delete_messages([1, 3])
            person.expunge()
        return found

    monkeypatch.setattr(connection, "heads", meanwhile)
    await post.look(connection=connection)
    connection.close()
    await post.look()

    assert set(await post.subjects()) >= {"mail-1", "mail-3", "mail-4", "mail-5"}
    assert len(await post.subjects()) == len(set(await post.subjects()))


async def test_stuck_message_is_not_copied_again(post: Desk) -> None:
    """osTicket#5645: a server that cannot move and an action that dies half-way make one copy at most."""
    post.again(after=MOVE)
    post.box.put(mail("old"), folder="已处理")
    post.box.put(mail("one"))
    connection = post.connect()
    connection.abilities -= {"MOVE"}
    copied: list[object] = []

    def die(uids: object) -> None:
        copied.append(uids)
        raise KeyboardInterrupt

    connection.remove = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await post.look(connection=connection)
    connection.close()
    assert post.box.subjects("已处理") == ["old", "one"]
    assert await post.entries() == {1: "copied"}

    for _ in range(3):
        post.again()
        connection = post.connect()
        connection.abilities -= {"MOVE"}
        await post.look(connection=connection)
        connection.close()
    assert post.box.subjects("已处理") == ["old", "one"]
    assert post.box.uids() == []


async def test_copy_of_unknown_outcome_is_not_repeated(post: Desk) -> None:
    """Where we died while copying, nobody knows whether there is a copy: the mail stays, flagged, and is never copied again."""
    post.again(after=MOVE)
    post.box.put(mail("old"), folder="已处理")
    post.box.put(mail("one"))
    connection = post.connect()
    connection.abilities -= {"MOVE"}
    copy = connection.copy

    def die(uids: Collection[int], folder: str) -> None:
        copy(uids, folder)
        raise KeyboardInterrupt

    connection.copy = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await post.look(connection=connection)
    connection.close()
    assert await post.entries() == {1: "copying"}

    post.again()
    connection = post.connect()
    connection.abilities -= {"MOVE"}
    await post.look(connection=connection)
    connection.close()
    assert post.box.subjects("已处理") == ["old", "one"]
    assert post.box.flags() == {1: {KEYWORD}}


async def test_no_uidplus_no_expunge(post: Desk) -> None:
    """Without MOVE and UIDPLUS nothing is removed: a plain EXPUNGE would take what other people have marked as well."""
    post.again(after=MOVE)
    post.box.put(mail("old"), folder="已处理")
    post.box.put(mail("theirs"), mail("one"))
    with post.box.client("INBOX") as person:
        person.delete_messages([1])
    connection = post.connect()
    connection.abilities -= {"MOVE", "UIDPLUS"}
    await post.look(connection=connection)
    connection.close()

    assert post.box.flags() == {1: {"\\Deleted", KEYWORD}, 2: {KEYWORD}}
    assert post.box.subjects("已处理") == ["old"]


async def test_crash_between_commit_and_move(post: Desk) -> None:
    """The ledger knows what is still owed: after a crash the mail is moved, not taken in again."""
    post.again(after=MOVE)
    post.box.put(mail("old"), folder="已处理")
    post.box.put(mail("one"))
    connection = post.connect()

    def die(uids: Collection[int], folder: str) -> None:
        raise KeyboardInterrupt

    connection.move = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await post.look(connection=connection)
    connection.close()
    assert post.box.uids() == [1]

    post.again()
    assert await post.look() == 0
    assert post.box.uids() == []
    assert await post.subjects() == ["one"]
    assert await post.deliveries() == 0


async def test_moving_to_a_folder_that_is_missing(post: Desk) -> None:
    """The intake does not depend on it; once the folder is there the mail is moved, without being fetched again."""
    post.again(after=MOVE)
    post.box.put(mail("one"))

    assert await post.look() == 1
    assert await post.look() == 0
    assert post.box.uids() == [1]

    post.box.put(mail("old"), folder="已处理")
    assert await post.look(everything=True) == 0
    assert post.box.uids() == []
    assert await post.deliveries() == 0


async def test_poison_first_in_the_box(post: Desk) -> None:
    """zammad#2754: a message that the server cannot give out holds up nobody, and ends as a stub in quarantine."""
    post.box.put(mail("poison"), mail("one"), mail("two"))
    broken = post.box.file("poison")
    broken.chmod(0)
    for _ in range(8):
        with suppress(ChannelUnavailableError):  # Dovecot hangs up over it
            await post.look()
    assert post.intake.unaccounted == 0

    assert await post.subjects() == ["one", "two", ""]
    assert [problem.partition("；")[0] for problem in await post.problems()] == ["试了 4 次，邮件服务器都没有交出这封邮件"]
    assert await post.entries() == {1: "set_aside", 2: "done", 3: "done"}
    post.box.put(mail("three"))
    assert await post.look() == 1
    broken.chmod(0o644)


async def test_deleted_only_after_it_is_stored(post: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """zammad#243, Roundup: with the database away nothing is moved or flagged; when it is back all is taken in."""
    post.again(after=MOVE)
    post.box.put(mail("old"), folder="已处理")
    post.box.put(mail("one"), mail("two"))

    def away(*_: object) -> None:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(post.intake._book, "keep", away)
    with pytest.raises(StoreUnavailableError):
        await post.look()
    assert post.box.flags() == {1: set(), 2: set()}

    monkeypatch.undo()
    assert await post.look() == 2
    assert post.box.uids() == []


async def test_a_poll_asks_for_what_is_new_only(post: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """chatwoot#14983: with three hundred old mails a poll without news asks for nothing, one with news for the news."""
    post.box.pour([mail(f"mail-{number}") for number in range(300)])
    await post.look()
    connection = post.connect()
    asked: list[tuple[int, ...]] = []
    heads, uids = connection.heads, connection.uids

    def heard(of: Collection[int]) -> dict[int, Head]:
        asked.append(tuple(of))
        return heads(of)

    def searched(first: int = 1, last: int | None = None) -> list[int]:
        asked.append((first, last or 0))
        return uids(first, last)

    monkeypatch.setattr(connection, "heads", heard)
    monkeypatch.setattr(connection, "uids", searched)

    assert await post.look(connection=connection) == 0
    assert asked == []
    post.box.put(mail("new"))
    assert await post.look(connection=connection) == 1
    assert asked == [(301, 301), (301,)]
    connection.close()


async def test_renumbered_folder(post: Desk) -> None:
    """chatwoot#12054, paperless-ngx#12839: after a change of UIDVALIDITY all is looked at again, nothing comes twice, the new comes in."""
    post.box.put(mail("one"), mail("two"))
    await post.look()
    post.box.renumber()
    post.box.put(mail("three"))

    assert await post.look() == 3
    assert await post.subjects() == ["one", "two", "three"]
    assert sorted(await post.entries()) == [1, 2, 3]


@pytest.mark.parametrize("restart", [False, True])
async def test_folder_deleted_and_created_again(post: Desk, restart: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The folder is gone for a while, then another one of its name is there: its mail comes in, what we knew does not come twice."""
    post.again(folder="企业诉求")
    post.box.put(mail("one"), mail("two"), folder="企业诉求")
    await post.look()
    with post.box.client() as person:
        person.delete_folder("企业诉求")
    with pytest.raises(CommandRefusedError, match="企业诉求"):
        await post.look()
    if restart:
        post.again()
    post.box.put(mail("two"), mail("three"), folder="企业诉求")

    await post.look()
    assert await post.subjects() == ["one", "two", "three"]


async def test_mail_that_turns_up_late_with_a_low_uid(post: Desk) -> None:
    """A server whose parts do not agree shows a mail late: the count betrays it, although its UID lies below what was seen."""
    post.box.put(mail("one"), mail("two"), mail("three"))
    connection = post.connect()
    select, uids = connection.select, connection.uids
    connection.select = lambda *of, **how: replace(select(*of, **how), exists=2)  # type: ignore[method-assign]
    connection.uids = lambda *of: [uid for uid in uids(*of) if uid != 2]  # type: ignore[method-assign]
    assert await post.look(connection=connection) == 2
    connection.close()

    assert await post.look() == 1
    assert await post.subjects() == ["one", "three", "two"]


async def test_failed_does_not_count_as_processed(post: Desk) -> None:
    """paperless-ngx: what the pipeline cannot decide is another state than done, and its bytes stay."""
    post.box.put(mail("one"))
    await post.look()
    await post.store.arrivals.quarantine(1, "读不出来", NOW)

    assert (await post.store.arrivals.get(1)).raw.endswith(b"letter one\r\n")
    assert [state for state, _ in await post.arrivals()] == ["quarantined"]
    assert await post.look(everything=True) == 0


async def test_one_mail_by_two_doors(post: Desk) -> None:
    """By SMTP and in the mailbox, with other trace headers: one arrival, two deliveries."""
    await accepted_elsewhere(post, mail("one"))
    post.box.put(b"Return-Path: <qy@enterprise.example>\r\nReceived: from a by b; today\r\n" + mail("one"))

    assert await post.look() == 1
    assert await post.subjects() == ["one"]
    assert await post.deliveries() == 1


async def test_what_came_before_the_first_day_is_left_alone(post: Desk) -> None:
    """A mailbox with a past: what came before `begin` is entered as such and never fetched; the first day itself counts."""
    begin = datetime(2026, 11, 26, 16, 0, tzinfo=UTC)
    post.again(begin=begin, after=SEEN)
    post.box.put(mail("old"), at=begin - timedelta(seconds=1))
    post.box.put(mail("new"), at=begin)
    await post.look()

    assert await post.subjects() == ["new"]
    assert await post.entries() == {1: "before", 2: "done"}
    assert post.box.flags() == {1: set(), 2: {"\\Seen"}}


async def test_ledger_stays_as_small_as_the_folder(post: Desk) -> None:
    """What has left the folder is dropped from the ledger."""
    post.box.put(*(mail(f"mail-{number}") for number in range(5)))
    await post.look()
    with post.box.client("INBOX") as person:
        person.delete_messages([1, 2, 3])
        person.expunge()
    await post.look()

    assert sorted(await post.entries()) == [4, 5]
    assert len(await post.subjects()) == 5


@pytest.mark.parametrize(("after", "flags"), [(SEEN, {"\\Seen"}), (FLAG, {KEYWORD})])
async def test_marked_as_configured(post: Desk, after: After, flags: set[str]) -> None:
    """What is safely ours is marked."""
    post.again(after=after)
    post.box.put(mail("one"))
    await post.look()

    assert post.box.flags() == {1: flags}
    assert await post.entries() == {1: "done"}


async def test_one_mail_in_two_mailboxes(dovecot: Dovecot, post: Desk) -> None:
    """Two mailboxes of one district: one arrival. Of two districts: each has its own, and each mailbox its own ledger."""
    other = dovecot.box()
    for box in (post.box, other):
        box.put(mail("one"))
    await post.look()
    for name, district in (("second", "chenggong"), ("wuhua", "wuhua")):
        neighbour = replace(post, box=other, intake=_intake(post, mailbox=name, district=district, address=other.user))
        neighbour.connect = lambda: Connection.open(replace(_account(post), user=other.user), other.password)
        await neighbour.look()
        assert await neighbour.unaccounted() == []

    assert await post.subjects() == ["one", "one"]
    assert await post.deliveries() == 1
    assert await post.store.db.read(lambda connection: sorted(connection.scalars(select(ARRIVALS.c.district)))) == ["chenggong", "wuhua"]


def _intake(post: Desk, **changes: Any) -> Intake:
    old = post.intake
    return Intake(replace(old.treatment, **changes), old._book, old._now)


def _account(post: Desk) -> Account:
    connection = post.connect()
    connection.close()
    return connection.account
