"""`zuozhen reconcile`: the proof that nothing lies in a mailbox unnoticed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from daemon.cli.chinese import Command
from daemon.cli.output import as_json, done, failed, local, table
from daemon.cli.place import ConfigOption, JsonOption, config_at, with_stores
from daemon.config import Config
from daemon.districts import DistrictFiles
from daemon.mailboxes import ThreadsLedger, mailboxes_of
from daemon.reconciling import Account, accounts
from daemon.stores import Stores, open_database
from store.errors import UsageError

UNACCOUNTED = 1  # exit code: an alarm
NOT_PROVED = 75  # a mailbox could not be asked (EX_TEMPFAIL)
_BESIDE_POLL_S = 5.0


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the command to the command line."""
    app.command(name, cls=Command, short_help=summary)(reconcile)


def reconcile(
    config: ConfigOption = None,
    wait: Annotated[
        float | None, typer.Option(metavar="秒", min=0, help="有未入账的邮件时，最多等服务收取多少秒；不写则等到下一次收取")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """对账：邮箱里的每一封是否都在账上。只看，不改动任何东西。

    都在账上时退出码为 0；有邮件不在账上为 1，并列出是哪几封；有邮箱连不上、无法证明时为 75。

    例：zuozhen reconcile --json
    """
    loaded = config_at(config)
    if not loaded.mailbox:
        raise UsageError("配置里没有 [[mailbox]]，没有邮箱可对；SMTP、LMTP 收的来件由对方服务器重投，不需要对账")

    asyncio.run(_check_books(loaded))

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> list[Account]:
        mailboxes = mailboxes_of(loaded.mailbox, {id_: files.rulebook.district for id_, files in districts.items()})
        book = ThreadsLedger(stores.ledger, asyncio.get_running_loop())
        found: list[Account] = []
        for mailbox in mailboxes:
            patience = mailbox.poll.total_seconds() + _BESIDE_POLL_S if wait is None else wait

            def tell(count: int, patience: float = patience) -> None:
                failed(f"有 {count} 封尚未入账，等服务收取，最多 {patience:.0f} 秒……")

            found += await asyncio.to_thread(accounts, mailbox, book, patience_s=patience, waiting=tell)
        return found

    found = with_stores(config, work)
    if json_:
        as_json({"unaccounted": sum(account.unaccounted for account in found), "folders": [asdict(account) for account in found]})
    else:
        _print(found)
    if code := _code(found):
        raise typer.Exit(code)


async def _check_books(config: Config) -> None:
    """Raise UsageError where there are no books to compare with; looking must not make them."""
    database = open_database(config.store)
    try:
        found, needed = await database.revision()
    finally:
        await database.close()
    if found is None:
        raise UsageError("数据库还没有建立，没有账可对；先启动服务（zuozhen run），收过一次信再对账")
    if found != needed:
        raise UsageError(f"数据库的版本是 {found}，程序要的是 {needed}；先备份，再运行 zuozhen db upgrade")


def _code(found: Sequence[Account]) -> int:
    if any(account.unaccounted for account in found):
        return UNACCOUNTED
    return NOT_PROVED if any(account.problem for account in found) else 0


def _print(found: Sequence[Account]) -> None:
    table(("邮箱", "文件夹", "服务器上", "未入账", "结果"), [_row(account) for account in found])
    for account in found:
        if account.listed:
            rows = [(str(one.uid), _date(one.date), one.sender, one.subject) for one in account.listed]
            done("")
            table(("UID", "日期", "寄自", "主题"), rows, title=f"{account.mailbox}“{account.folder}”未入账的邮件")
    if any(account.unaccounted for account in found):
        done("请先看服务是否在运行（systemctl status zuozhen）、日志里有无 imap. 开头的告警；服务正常而仍有未入账的，请报告程序缺陷。")
    elif any(account.problem for account in found):
        done("有邮箱没能核对，不能证明没有遗漏；执行 zuozhen doctor 查看原因。")
    else:
        done(f"对得上：{sum(account.messages for account in found)} 封全部在账上。")


def _row(account: Account) -> tuple[str, ...]:
    if account.problem:
        return (account.mailbox, account.folder, "", "", f"无法核对：{account.problem}")
    result = "有遗漏" if account.unaccounted else "对得上"
    return (account.mailbox, account.folder, str(account.messages), str(account.unaccounted), result)


def _date(text: str) -> str:
    return local(datetime.fromisoformat(text)) if text else ""
