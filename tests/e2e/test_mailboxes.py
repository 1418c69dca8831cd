"""The daemon on a mailbox of the real server: mail becomes a case, a kill loses nothing, `reconcile` proves it, `doctor` says what is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.e2e.instance import ROOT, add_mailbox, daemon, sink, write_instance
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot
from tests.servers.ground import free_ports


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its JSON."""
        return json.loads(self.out)


async def zuozhen(*words: str) -> Said:
    """Run a command as an operator does."""
    command = [sys.executable, "-m", "tests.e2e.zuozhen", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    ended = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=environment, capture_output=True, check=False, timeout=100)
    return Said(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


async def test_mail_in_a_mailbox_becomes_a_case(dovecot: Dovecot, tmp_path: Path) -> None:
    """Fetched, decided, answered, moved; killed at any moment and started again: one case, and everything adds up."""
    box = dovecot.box()
    box.put(b"Subject: old\r\n\r\nold\r\n", folder="已处理")
    box.put(mail())
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port)
        add_mailbox(config, box, after="move", move_to="已处理")
        async with daemon(config) as first:
            await first.logged("mail.accepted")
            first.process.send_signal(signal.SIGKILL)
            await first.died()
        async with daemon(config) as second:
            await relay.has(2)
            await second.logged("imap.reconciled")
            said = await zuozhen("reconcile", "--json", "--config", str(config))
            assert (said.code, said.data["unaccounted"]) == (0, 0)
            assert await second.stop() == 0
    cases = await zuozhen("case", "list", "--json", "--config", str(config))
    assert len(cases.data) == 1
    assert box.uids() == []
    assert len(box.uids("已处理")) == 2


@pytest.mark.timeout(300)  # a lease lapses after fifteen seconds, and three services start
async def test_second_service_takes_a_dead_ones_mailbox_over(dovecot: Dovecot, postgresql_url: str, tmp_path: Path) -> None:
    """Two services on one database and one mailbox; the one that reads is killed: the other goes on within the lease, nothing twice."""
    box = dovecot.box()
    configs = []
    async with sink() as relay, AsyncExitStack() as running:
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            config = write_instance(folder, relay.port, database=postgresql_url)
            config.write_text(f'name = "{name}"\n' + config.read_text(encoding="utf-8"), encoding="utf-8")
            add_mailbox(config, box)
            configs.append(config)
        first = await running.enter_async_context(daemon(configs[0]))
        await first.logged("imap.reconciled")
        second = await running.enter_async_context(daemon(configs[1]))
        await second.logged("imap.standing_by")
        box.put(mail())
        await first.logged("mail.accepted")
        first.process.send_signal(signal.SIGKILL)
        await first.died()
        box.put(mail())  # the same once more, which the second service has to recognise
        await second.logged("imap.reconciled")
        await relay.has(2)
        said = await zuozhen("reconcile", "--json", "--config", str(configs[1]))
        assert (said.code, said.data["unaccounted"], said.data["folders"][0]["messages"]) == (0, 0, 2)
        cases = await zuozhen("case", "list", "--json", "--config", str(configs[1]))
        assert len(cases.data) == 1
        assert await second.stop() == 0


async def test_reconcile_lists_what_is_not_accounted_for(dovecot: Dovecot, tmp_path: Path) -> None:
    """With no service running, new mail is an alarm with UID, date, sender and subject, and a server away is no proof."""
    box = dovecot.box()
    config = write_instance(tmp_path, 25)
    add_mailbox(config, box)
    said = await zuozhen("reconcile", "--config", str(config))
    assert said.code
    assert "数据库还没有建立，没有账可对" in said.err
    assert not (tmp_path / "data" / "zuozhen.db").exists()  # looking has made nothing
    await zuozhen("db", "upgrade", "--config", str(config))
    assert "对得上：0 封" in (await zuozhen("reconcile", "--config", str(config))).out
    box.put(mail())

    said = await zuozhen("reconcile", "--wait", "0", "--config", str(config))
    assert said.code == 1
    assert "qy@enterprise.example" in said.out or "enterprise" in said.out
    assert "有遗漏" in said.out
    listed = (await zuozhen("reconcile", "--wait", "0", "--json", "--config", str(config))).data["folders"][0]["listed"]
    assert [one["uid"] for one in listed] == [1]
    assert box.flags() == {1: set()}

    (nobody,) = free_ports(1)
    config.write_text(config.read_text(encoding="utf-8").replace(f"port = {dovecot.tls}", f"port = {nobody}"), encoding="utf-8")
    said = await zuozhen("reconcile", "--config", str(config))
    assert said.code == 75
    assert "不能证明没有遗漏" in said.out


def levels(data: dict[str, Any], level: str) -> list[str]:
    """Return the messages of one level."""
    return [one["message"] for one in data["findings"] if one["level"] == level]


async def test_doctor_finds_nothing_wrong(dovecot: Dovecot, tmp_path: Path) -> None:
    """A mailbox over TLS and a relay that answers: what the server can, its folder, its room, the database, the calendar."""
    box = dovecot.box()
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port)
        add_mailbox(config, box)
        said = await zuozhen("doctor", "--json", "--config", str(config))
        assert relay.messages == []
    found = "\n".join(levels(said.data, "ok"))
    for words in ("能登录（服务器自称 Dovecot）", "服务器支持：ID、IDLE、MOVE、UIDPLUS、QUOTA", "有 0 封", "邮箱空间用了 0%", "能连上"):
        assert words in found
    assert not (tmp_path / "data" / "zuozhen.db").exists()
    # Whether the year of the test run is short of its notice is the calendar's matter.
    assert [message for message in levels(said.data, "trouble") if "放假安排" not in message] == []


@pytest.mark.parametrize(
    ("changes", "message", "remedy"),
    [
        ({"user": "nobody@cg.example"}, "不接受", "授权码"),
        ({"security": "starttls"}, "", "检查 host"),
        ({"authority": "other.pem"}, "证书不可信", "检查 host"),
        ({"after": "move", "move_to": "没有的"}, "“没有的”不存在", "建好这个文件夹"),
    ],
    ids=["password", "security", "authority", "move_to"],
)
async def test_doctor_says_what_is_wrong_with_a_mailbox(
    dovecot: Dovecot, tmp_path: Path, changes: dict[str, str], message: str, remedy: str
) -> None:
    """Each trouble has its own words and its own next step, and the exit code says that there is one."""
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    config = write_instance(tmp_path, free_ports(1)[0])
    add_mailbox(config, dovecot.box(), **changes)
    said = await zuozhen("doctor", "--json", "--config", str(config))

    assert said.code == 1
    mailbox = _troubles(said.data["findings"], "邮箱 坐诊信箱")
    assert [(message in one["message"], remedy in one["remedy"]) for one in mailbox] == [(True, True)]
    (relay,) = _troubles(said.data["findings"], "发信")
    assert "连不上邮件服务器" in relay["message"]


def _troubles(findings: Sequence[dict[str, str]], about: str) -> list[dict[str, str]]:
    return [one for one in findings if one["about"] == about and one["level"] == "trouble"]


async def test_doctor_looks_right(dovecot: Dovecot, tmp_path: Path) -> None:
    """As a table for people: where, how it is, what to do."""
    config = write_instance(tmp_path, free_ports(1)[0])
    add_mailbox(config, dovecot.box())
    said = await zuozhen("doctor", "--config", str(config))

    assert said.code == 1
    assert "有问题" in said.out
    assert "怎么办" in said.out
    assert "正在查邮箱 1/1：坐诊信箱" in said.err
