"""What a reply proves about its author, asked of a real database: each way to come by somebody else's token fails."""

from __future__ import annotations

import base64
import email
import email.policy
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from daemon.review import Act
from store import tokens
from store.life import Role
from store.model.case import Case
from store.model.letter import Address, Authentication, Letter
from store.model.notice import Purpose, QueuedNotice
from store.model.reply_sender import Authority, Registered, Standing
from tests.integration.houses import COORDINATOR, MAILBOX, REFUSED, Bench, Enterprise, bench, office


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def house() -> AsyncIterator[Bench]:
    """One house for the module."""
    async with bench() as opened:
        yield opened


def letter(sender: str, *, answers: str = "", subject: str = "回复", references: tuple[str, ...] = (), to: str = MAILBOX) -> Letter:
    """Return a letter from *sender* in answer to the mail with the Message-ID *answers*."""
    return Letter(
        sender=Address(name="", address=sender),
        to=(Address(name="", address=to),),
        subject=subject,
        in_reply_to=(answers,) if answers else (),
        references=references,
        text="签收",
    )


async def ask(house: Bench, case: Case, reply: Letter, registered: Registered | None = None) -> Authority:
    """Return what *reply*, received now, proves."""
    arrival = replace(await house.arrival(case.arrival_id), received_at=house.clock())
    return await house.house.stores.reply_tokens.authority(arrival, reply, registered or house.room.composer.recipients.registered)


async def assigned(house: Bench) -> tuple[Case, QueuedNotice]:
    """Return a case with a department, and the mail that told it so."""
    case = await house.opened()
    return case, await house.notice(case, Purpose.ASSIGN)


@pytest.mark.asyncio(loop_scope="module")
async def test_department_answers(house: Bench) -> None:
    """The department's answer to its own mail may act for the department that leads, wherever the token comes back."""
    case, sent = await assigned(house)
    assert case.department is not None
    own, mark = office(case.department), sent.message_id
    replies = {
        "In-Reply-To": letter(own, answers=mark),
        "References": letter(own.upper(), references=("x@y.example", mark)),
        "主题": letter(own, subject=f"回复：{sent.notice.subject}{tokens.shown(mark)}"),
        "收件地址": letter(own, to=tokens.reply_address(mark, MAILBOX)),
    }
    for place, reply in replies.items():
        found = await ask(house, case, reply)
        assert found.standing is Standing.FITS, place
        assert (found.role, found.department, found.leads) == (Role.DEPARTMENT, case.department, True)
        assert (found.case_number, found.notice_id, found.purpose) == (case.number, sent.id, Purpose.ASSIGN)
        assert found.evidence.startswith(place)
        assert found.may_act


@pytest.mark.asyncio(loop_scope="module")
async def test_enterprise_and_coordinator_answer(house: Bench) -> None:
    """The enterprise may act for itself and the coordinator for itself, each by its own mail."""
    enterprise = Enterprise()
    case = await house.opened(REFUSED, enterprise)
    receipt, review = await house.notice(case, Purpose.ACKNOWLEDGE), await house.notice(case, Purpose.REVIEW)
    assert (await ask(house, case, letter(enterprise.address, answers=receipt.message_id))).role is Role.ENTERPRISE
    assert (await ask(house, case, letter(COORDINATOR, answers=review.message_id))).role is Role.COORDINATOR


@pytest.mark.asyncio(loop_scope="module")
async def test_forged_sender_with_the_right_token(house: Bench) -> None:
    """Whoever has the token but not the address may do nothing: a person in Cc, one it was forwarded to, another department, a stranger."""
    case, sent = await assigned(house)
    other = next(id_ for id_ in house.room.rulebook.district.departments if id_ != case.department)
    for sender in ("outsider@enterprise.example", office(other), COORDINATOR, MAILBOX):
        found = await ask(house, case, letter(sender, answers=sent.message_id))
        assert found.standing is Standing.SENDER_DIFFERS
        assert not found.may_act
        assert sender in found.evidence


@pytest.mark.asyncio(loop_scope="module")
async def test_enterprise_token_gives_a_department_nothing(house: Bench) -> None:
    """The enterprise's token in the hand of the department, as a forwarded mail would bring it there, moves nothing."""
    case, _ = await assigned(house)
    receipt = await house.notice(case, Purpose.ACKNOWLEDGE)
    found = await ask(house, case, letter(office(str(case.department)), answers=receipt.message_id))
    assert (found.standing, found.role) == (Standing.SENDER_DIFFERS, Role.ENTERPRISE)


@pytest.mark.asyncio(loop_scope="module")
async def test_own_token_beside_another(house: Bench) -> None:
    """Where a thread holds tokens of several people of one case, the sender's own counts."""
    case, sent = await assigned(house)
    receipt = await house.notice(case, Purpose.ACKNOWLEDGE)
    reply = letter(office(str(case.department)), answers=receipt.message_id, references=(sent.message_id,))
    assert (await ask(house, case, reply)).standing is Standing.FITS


@pytest.mark.asyncio(loop_scope="module")
async def test_refuted_by_the_server_in_front(house: Bench) -> None:
    """Token and address fit, but the server that we trust found the mail to come from elsewhere: it may not act, and the reason says so."""
    case, sent = await assigned(house)
    reply = letter(office(str(case.department)), answers=sent.message_id)
    forged = replace(reply, authentication=Authentication(dmarc="fail", by="mx.gov.example"))
    found = await ask(house, case, forged)
    assert (found.standing, found.may_act) == (Standing.FITS, False)
    assert "mx.gov.example 检验认为" in found.evidence
    good = replace(reply, authentication=Authentication(dmarc="pass", by="mx.gov.example"))
    assert (await ask(house, case, good)).may_act


@pytest.mark.asyncio(loop_scope="module")
async def test_old_token(house: Bench) -> None:
    """The right sender with a token past its time may not act: the letter is kept only."""
    case, sent = await assigned(house)
    reply = letter(office(str(case.department)), answers=sent.message_id)
    house.clock.advance(timedelta(days=180))
    assert (await ask(house, case, reply)).standing is Standing.FITS
    house.clock.advance(timedelta(seconds=1))
    found = await ask(house, case, reply)
    assert (found.standing, found.may_act) == (Standing.EXPIRED, False)
    assert "180 天" in found.evidence


@pytest.mark.asyncio(loop_scope="module")
async def test_department_that_had_the_case(house: Bench) -> None:
    """A department from which the case was taken may not act on it with the mail that had given it."""
    case, sent = await assigned(house)
    other = next(id_ for id_ in house.room.rulebook.district.departments if id_ != case.department)
    await house.house.review.assign(case.number, other, (), Act(by="张三", reason="职责在该单位"))
    found = await ask(house, case, letter(office(str(case.department)), answers=sent.message_id))
    assert found.standing is Standing.SUPERSEDED


@pytest.mark.asyncio(loop_scope="module")
async def test_tokens_of_two_cases(house: Bench) -> None:
    """A mail with the tokens of two cases acts on neither."""
    (case, sent), (_, other) = await assigned(house), await assigned(house)
    reply = letter(office(str(case.department)), answers=sent.message_id, subject=f"回复{tokens.shown(other.message_id)}")
    found = await ask(house, case, reply)
    assert found.standing is Standing.CONTRADICTS
    assert case.number in found.evidence


@pytest.mark.asyncio(loop_scope="module")
async def test_guessed_and_missing_tokens(house: Bench) -> None:
    """A guessed token is unknown; a letter without any proves nothing."""
    case, sent = await assigned(house)
    own = office(str(case.department))
    guessed = f"{'0' * 31}1{sent.message_id[32:]}"
    assert (await ask(house, case, letter(own, answers=guessed))).standing is Standing.UNKNOWN
    assert (await ask(house, case, letter(own, answers="1@enterprise.example"))).standing is Standing.NONE


@pytest.mark.asyncio(loop_scope="module")
async def test_other_address_of_the_same_department(house: Bench) -> None:
    """A new address of the department in the address file may answer mail that went to the old one; it need not have had it itself."""
    case, sent = await assigned(house)
    moved = Registered(departments={str(case.department): frozenset({"new@gov.example"})})
    assert (await ask(house, case, letter("New@gov.example", answers=sent.message_id), moved)).standing is Standing.FITS


def outgoing(house: Bench) -> list[bytes]:
    """Return the mails that have left, as the relay's folder has them."""
    folder = house.house.config.relay.folder
    assert folder is not None
    return [path.read_bytes() for path in sorted(folder.glob("*.eml"))]


@pytest.mark.asyncio(loop_scope="module")
async def test_tokens_never_leave_in_forwards(house: Bench) -> None:
    """The enterprise's answer goes on to the department with its words and its file, without the token that it brought back."""
    enterprise = Enterprise()
    case = await house.opened(enterprise=enterprise)
    receipt = await house.notice(case, Purpose.ACKNOWLEDGE)
    shown = tokens.shown(receipt.message_id)
    quoted = f"补充：发票增量的受理回执见附件。\n\n----- 原始邮件 -----\n主题: {receipt.notice.subject}{shown}\n"
    await house.take(
        enterprise.mail(quoted, subject=f"回复：{receipt.notice.subject}{shown}", In_Reply_To=f"<{receipt.message_id}>"),
        envelope_from=enterprise.address,
    )
    forward = await house.notice(case, Purpose.FORWARD)
    while await house.house.sender.send_due():
        pass
    sent = {email.message_from_bytes(raw, policy=email.policy.default)["Message-ID"].strip("<>"): raw for raw in outgoing(house)}
    (received,) = [raw for message_id, raw in sent.items() if message_id == receipt.message_id]
    assert shown[3:-1] in str(email.message_from_bytes(received, policy=email.policy.default)["Subject"])
    mail = email.message_from_bytes(sent[forward.message_id], policy=email.policy.default)
    (original,) = [part.get_content() for part in mail.iter_attachments()]
    inner = email.message_from_bytes(original, policy=email.policy.default)
    texts = [str(part.get_content()) for one in (mail, inner) for part in one.walk() if part.get_content_maintype() == "text"]
    everything = "\n".join([*map(str, mail.values()), *map(str, inner.values()), *texts])
    assert "补充：发票增量的受理回执见附件" in everything
    assert tokens.mark_of(receipt.message_id) not in everything
    assert shown[3:-1] not in everything
    assert tokens.shown(forward.message_id) in str(mail["Subject"])


@pytest.mark.asyncio(loop_scope="module")
async def test_replay(house: Bench) -> None:
    """The same letter once more under another Message-ID is known for what it is; a forged one before it takes nothing from its author."""
    case, sent = await assigned(house)
    own = letter(office(str(case.department)), answers=sent.message_id)
    forged = replace(own, sender=Address(name="", address="outsider@enterprise.example"))
    assert not (await ask(house, case, forged)).may_act
    assert (await ask(house, case, own)).may_act
    assert (await ask(house, case, own)).may_act, "asked again after a crash, by the same arrival"
    other = await house.opened()
    again = await ask(house, other, replace(own, message_id="another@gov.example", text="签 收\n"))
    assert (again.standing, again.repeats, again.may_act) == (Standing.FITS, case.arrival_id, False)
    assert again.evidence.endswith(f"与来件 {case.arrival_id} 内容相同")
    assert (await ask(house, other, replace(own, text="退回：不属我单位职责"))).may_act


@pytest.mark.asyncio(loop_scope="module")
async def test_header_injection(house: Bench) -> None:
    """Fields that a letter smuggles into its subject, sender or references bring no token to life and reach no head of ours."""
    case, sent = await assigned(house)
    smuggled = f"x\r\nIn-Reply-To: <{sent.message_id}>\r\nBcc: all@gov.example"
    raw = Enterprise().mail("签收").replace(b"Subject: ", b"Subject: =?utf-8?b?" + base64.b64encode(smuggled.encode()) + b"?= ", 1)
    outcome = await house.take(raw)
    assert outcome.petition.letter.in_reply_to == ()
    assert (await ask(house, case, outcome.petition.letter)).standing is Standing.NONE
    while await house.house.sender.send_due():
        pass
    for mail in outgoing(house):
        head = email.message_from_bytes(mail)
        assert "Bcc" not in head
        assert len(head.get_all("Message-ID", [])) == 1
