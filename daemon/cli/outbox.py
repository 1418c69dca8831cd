"""`zuozhen outbox`: the mail that went out, waits, or could not go."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from daemon.cli import show
from daemon.cli.chinese import Command, group
from daemon.cli.output import as_json, done, local, table
from daemon.cli.place import LARGEST_ID, ConfigOption, JsonOption, LimitOption, with_stores
from daemon.districts import DistrictFiles
from daemon.stores import Stores
from daemon.wiring import utc_now
from store.codec import to_json
from store.model.notice import NoticeState, QueuedNotice

Id = Annotated[int, typer.Argument(metavar="邮件编号", min=1, max=LARGEST_ID)]


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the group to the command line."""
    outbox = group(summary)
    for command in (list_, show_, retry, addresses):
        outbox.command(command.__name__.strip("_"), cls=Command)(command)
    app.add_typer(outbox, name=name)


def list_(
    config: ConfigOption = None,
    case: Annotated[str | None, typer.Option(metavar="件号", help="只列某一件的")] = None,
    state: Annotated[NoticeState | None, typer.Option(help="只列某一状态")] = None,
    limit: LimitOption = 50,
    json_: JsonOption = False,
) -> None:
    """列出邮件，新的在前。

    例：zuozhen outbox list --state refused
    """

    async def work(stores: Stores, _: dict[str, DistrictFiles]) -> None:
        case_id = (await stores.cases.get(case)).id if case else None
        notices = await stores.outbox.list(case_id=case_id, state=state, limit=limit)
        if json_:
            as_json([json.loads(to_json(notice)) for notice in notices])
        else:
            table(("编号", "件号", "状态", "用途", "收件人", "时间", "说明"), map(_row, notices), empty="还没有邮件。")

    with_stores(config, work)


def show_(notice_id: Id, config: ConfigOption = None) -> None:
    """按收件人看到的样子显示一封邮件。

    例：zuozhen outbox show 12
    """

    async def work(stores: Stores, _: dict[str, DistrictFiles]) -> None:
        queued = await stores.outbox.get(notice_id)
        done(f"状态：{show.NOTICE_STATES[queued.state]}{f'　{queued.problem}' if queued.problem else ''}")
        done(f"收件人：{queued.notice.to.name} <{queued.notice.to.address}>")
        done(f"主题：{queued.notice.subject}")
        done(f"附原件：{'是' if queued.notice.attach_original else '否'}")
        if files := queued.notice.enclosures:
            done(f"附件：{'、'.join(one.name for one in files)}")
        done("")
        done(queued.notice.text)

    with_stores(config, work)


def retry(notice_id: Id, config: ConfigOption = None) -> None:
    """把没能发出的邮件放回队列，运行中的服务会再发一次。

    例：zuozhen outbox retry 12
    """

    async def work(stores: Stores, _: dict[str, DistrictFiles]) -> None:
        await stores.outbox.retry(notice_id, utc_now())
        done(f"邮件 {notice_id} 已放回队列")

    with_stores(config, work)


def addresses(config: ConfigOption = None, limit: LimitOption = 50, json_: JsonOption = False) -> None:
    """列出退过信的地址，新的在前；有人从那里来信，记号自动消去。

    例：zuozhen outbox addresses
    """

    async def work(stores: Stores, _: dict[str, DistrictFiles]) -> None:
        found = await stores.addresses.list(limit=limit)
        if json_:
            as_json([json.loads(to_json(one)) for one in found])
            return
        rows = (("失效" if one.is_dead else "暂时不通", one.address, local(one.since), local(one.last_at), one.words) for one in found)
        table(("状态", "地址", "第一次退信", "最近一次", "说明"), rows, empty="没有退过信的地址。")

    with_stores(config, work)


def _row(queued: QueuedNotice) -> tuple[str, ...]:
    return (
        str(queued.id),
        queued.case_number,
        show.NOTICE_STATES[queued.state],
        show.PURPOSES[queued.notice.purpose.value],
        queued.notice.to.address,
        local(queued.sent_at or queued.created_at),
        queued.problem,
    )
