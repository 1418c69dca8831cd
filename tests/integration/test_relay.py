"""Outgoing mail through a real Postfix: login, encryption, what its replies mean, restarts, sizes."""

from __future__ import annotations

import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.config import RelaySection
from daemon.doctor.outgoing import examine_relay
from notifier.mail import build
from notifier.transport import SmtpTransport
from store.errors import DeliveryDeferredError, DeliveryRefusedError, MailTooLargeError
from store.model.notice import NoticeState, Purpose
from tests.e2e.instance import Sink, sink
from tests.integration.houses import Enterprise, bench
from tests.integration.test_sending import sender
from tests.sample_case import QUEUED, SENDER
from tests.servers.postfix import PASSWORD, SIZE_LIMIT, USER, Postfix, postfix

TO = "office@enterprise.example"


@asynccontextmanager
async def relay() -> AsyncIterator[tuple[Postfix, Sink]]:
    """Run a Postfix and the server that it passes mail on to."""
    async with sink() as taking:
        with postfix(door="inet:127.0.0.1:1", next_hop=taking.port) as server:
            yield server, taking


def context(server: Postfix) -> ssl.SSLContext:
    """Return a context that trusts this server and nobody else."""
    trusting = ssl.create_default_context()
    server.authority.configure_trust(trusting)
    return trusting


@asynccontextmanager
async def transport(server: Postfix, **changes: Any) -> AsyncIterator[SmtpTransport]:
    """Return the way out through *server*: STARTTLS and login unless *changes* say otherwise."""
    usual: dict[str, Any] = {"host": "127.0.0.1", "port": server.submission, "security": "starttls", "username": USER, "password": PASSWORD}
    way = SmtpTransport(**{**usual, "tls_context": context(server), "timeout": 20.0, **changes})
    try:
        yield way
    finally:
        await way.close()


def mail(number: int = 0, *, to: str = TO) -> tuple[bytes, str]:
    """Return a notice as bytes, and its Message-ID."""
    queued = replace(QUEUED, message_id=f"{number:032x}.assign@cg.example")
    queued = replace(queued, notice=replace(queued.notice, to=replace(queued.notice.to, address=to), attach_original=False))
    return build(queued, sender=replace(SENDER, address=USER), original=None, max_original=0), queued.message_id


async def test_through_a_real_relay() -> None:
    """One Postfix, everything that an operator's relay does: login by STARTTLS and TLS, refusals, a restart, mail that is too large."""
    async with relay() as (server, taking), transport(server) as way:
        raw, message_id = mail(1)
        reply = await way.send(raw, sender=USER, recipient=TO, envelope_id=message_id)
        assert reply.startswith("250 2.0.0 Ok: queued as ")
        assert reply.endswith(server.took(message_id))

        async with transport(server, port=server.smtps, security="tls") as encrypted:
            await encrypted.send(mail(2)[0], sender=USER, recipient=TO)
        await taking.has(2)
        assert all("ESMTPSA" in str(message["Received"]) for message in taking.messages)

        for recipient, error, words in [
            ("gone@enterprise.example", DeliveryRefusedError, "邮件服务器拒收：550 5.1.1 .*No such user here"),
            ("busy@enterprise.example", DeliveryDeferredError, "邮件服务器暂不接收：450 4.2.1 .*Mailbox busy"),
            ("unwanted@enterprise.example", DeliveryRefusedError, "邮件服务器拒收：550 5.7.1 Content not wanted here"),
        ]:
            with pytest.raises(error, match=words):
                await way.send(mail(3, to=recipient)[0], sender=USER, recipient=recipient)
        assert len(way._idle) == 1  # the same connection serves on
        await way.send(mail(4)[0], sender=USER, recipient=TO)

        async with transport(server, password="wrong") as stranger:
            with pytest.raises(DeliveryDeferredError, match="登录邮件服务器失败，请核对用户名和口令：535"):
                await stranger.send(raw, sender=USER, recipient=TO)
        async with transport(server, tls_context=ssl.create_default_context()) as doubting:
            with pytest.raises(DeliveryDeferredError, match="加密连接失败"):
                await doubting.send(raw, sender=USER, recipient=TO)

        with pytest.raises(MailTooLargeError, match=r"552 5\.3\.4"):
            await way.send(raw + b"x" * SIZE_LIMIT, sender=USER, recipient=TO)

        server.stop()
        with pytest.raises(DeliveryDeferredError, match="连不上邮件服务器或连接中断"):
            await way.send(raw, sender=USER, recipient=TO)
        server.start()
        await way.send(mail(5)[0], sender=USER, recipient=TO)
        await taking.has(4)
    assert {message_id.partition(".")[0][-1] for message_id in taking.ids()} == {"1", "2", "4", "5"}


async def test_a_relay_whose_certificate_the_house_signed_itself(tmp_path: Path) -> None:
    """Named as `authority`, who signed the certificate is believed by the doctor; without it nobody goes on."""
    authority, secret = tmp_path / "authority.pem", tmp_path / "password"
    secret.write_text(PASSWORD, encoding="utf-8")
    async with relay() as (server, _):
        server.authority.cert_pem.write_to_path(str(authority))
        section = RelaySection(host="127.0.0.1", port=server.submission, username=USER, password_file=secret, authority=authority)
        trusting = await examine_relay(section, datetime.now(UTC))
        doubting = await examine_relay(section.model_copy(update={"authority": None}), datetime.now(UTC))

    assert "登录成功" in trusting[0].message
    assert "加密连接失败" in doubting[0].message
    assert "authority" in doubting[0].remedy


async def test_mail_too_large_for_the_relay_goes_without_the_original() -> None:
    """The department gets its letter although the petition is larger than the relay takes; the letter says what is missing."""
    enterprise = Enterprise()
    large = enterprise.mail().replace(b"\n\n", b"\nX-Filler: " + b"\n ".join([b"y" * 900] * (SIZE_LIMIT // 900)) + b"\n\n", 1)
    async with relay() as (server, taking), transport(server) as way, bench() as house:
        case = (await house.take(large)).case
        assert case is not None
        await sender(house, way, senders={"chenggong": replace(SENDER, address=USER)}, max_original=20 << 20).send_due()
        await sender(house, way, senders={"chenggong": replace(SENDER, address=USER)}, max_original=20 << 20).send_due()
        assert (await house.notice(case, Purpose.ASSIGN)).state is NoticeState.SENT
        await taking.has(2)
    (letter,) = [message for message in taking.messages if "assign" in str(message["Message-ID"])]
    parsed = email.message_from_bytes(letter.as_bytes(), policy=email.policy.default)
    assert list(parsed.iter_attachments()) == []
    body = parsed.get_body(("plain",))
    assert body is not None
    assert "【附件说明】原始来件较大" in body.get_content()
