"""`zuozhen doctor`: looks at everything the service depends on and says what is wrong and what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict

import typer

from daemon.cli.chinese import Command
from daemon.cli.output import as_json, failed, table
from daemon.cli.place import ConfigOption, JsonOption, config_at, packs_in_force
from daemon.config import Config
from daemon.config_reader import secret_files
from daemon.doctor.finding import Finding, Level, trouble
from daemon.doctor.machine import examine_calendar, examine_database, examine_doors, examine_fonts, examine_secrets
from daemon.doctor.mailbox import examine_mailbox
from daemon.doctor.outgoing import examine_relay
from daemon.doctor.packs import examine_pack
from daemon.mailboxes import mailboxes_of
from daemon.wiring import utc_now
from store.errors import ConfigError

TROUBLE = 1  # exit code
_MARKS = {Level.OK: "正常", Level.HINT: "留意", Level.TROUBLE: "有问题"}


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the command to the command line."""
    app.command(name, cls=Command, short_help=summary)(doctor)


def doctor(config: ConfigOption = None, json_: JsonOption = False) -> None:
    """体检：规则包、邮箱、发信、数据库、磁盘、口令文件、日历、证书、时钟、字体。只看，不改动任何东西，也不寄信。

    有需要处理的问题时退出码为 1。服务运行着也可以执行。

    例：zuozhen doctor
    """
    found = asyncio.run(_examine(config_at(config)))
    if json_:
        as_json({"ok": not _is_bad(found), "findings": [asdict(one) for one in found]})
    else:
        table(("项目", "", "情况", "怎么办"), [(one.about, _MARKS[one.level], one.message, one.remedy) for one in found])
    if _is_bad(found):
        raise typer.Exit(TROUBLE)


async def _examine(config: Config) -> list[Finding]:
    now = utc_now()
    found = [*await examine_database(config.store), *examine_secrets(secret_files(config))]
    try:
        live = await packs_in_force(config)
        mailboxes = mailboxes_of(config.mailbox, {one.files.rulebook.district.id: one.files.rulebook.district for one in live})
    except ConfigError as error:
        return [*found, *(trouble("配置", str(problem), "先用 zuozhen check 改到没有问题") for problem in error.problems)]
    found += [examine_pack(one) for one in live]
    for number, mailbox in enumerate(mailboxes, 1):
        failed(f"正在查邮箱 {number}/{len(mailboxes)}：{mailbox.treatments[0].mailbox}……")
        found += await asyncio.to_thread(lambda mailbox=mailbox: list(examine_mailbox(mailbox, now)))  # type: ignore[misc]  # bound at once
    found += await examine_relay(config.relay, now)
    found += examine_doors(config, now)
    found.append(examine_calendar(live[0].files.calendar, now.date()))
    found.append(await asyncio.to_thread(examine_fonts))
    return found


def _is_bad(found: Sequence[Finding]) -> bool:
    return any(one.level is Level.TROUBLE for one in found)
