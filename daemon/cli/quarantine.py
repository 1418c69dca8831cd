"""`zuozhen quarantine`: messages that could not be read or decided; their bytes are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.chinese import Command, group
from daemon.cli.output import as_json, done, local, table
from daemon.cli.place import LARGEST_ID, ConfigOption, JsonOption, with_stores
from daemon.districts import DistrictFiles
from daemon.stores import Stores
from daemon.wiring import utc_now
from store.errors import UsageError
from store.model.arrival import StoredArrival
from store.trouble import reason

Id = Annotated[int, typer.Argument(metavar="来件编号", min=1, max=LARGEST_ID)]
_HEAD = 2_000  # bytes shown of an unreadable message


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the group to the command line."""
    quarantine = group(summary)
    for command in (list_, show_, export, retry):
        quarantine.command(command.__name__.strip("_"), cls=Command)(command)
    app.add_typer(quarantine, name=name)


def list_(config: ConfigOption = None, json_: JsonOption = False) -> None:
    """列出读不出来或处理不了的来件，新的在前。

    例：zuozhen quarantine list
    """

    async def work(stores: Stores, _: dict[str, DistrictFiles]) -> None:
        arrivals = await stores.arrivals.quarantined()
        if json_:
            as_json([_facts(arrival) for arrival in arrivals])
        else:
            rows = [(str(arrival.id), local(arrival.received_at), arrival.envelope_from, arrival.problem) for arrival in arrivals]
            table(("编号", "收到", "发件人", "原因"), rows, empty="隔离区是空的。")

    with_stores(config, work)


def show_(arrival_id: Id, config: ConfigOption = None) -> None:
    """看一封来件为什么进了隔离区，以及原文的开头。

    例：zuozhen quarantine show 7
    """

    async def work(stores: Stores, _: dict[str, DistrictFiles]) -> None:
        arrival = await stores.arrivals.get(arrival_id)
        done(f"来件 {arrival.id}　收到于 {local(arrival.received_at)}　共 {len(arrival.raw):,} 字节")
        done(f"寄自 {arrival.envelope_from or '（空）'}　寄到 {'、'.join(arrival.envelope_to)}")
        done(f"原因：{arrival.problem or '（不在隔离区）'}")
        done("—— 原文开头 ——")
        done(arrival.raw[:_HEAD].decode("utf-8", "replace"))

    with_stores(config, work)


def export(
    arrival_id: Id,
    target: Annotated[Path, typer.Argument(metavar="文件", help="写到哪里；已有的文件不会被覆盖")],
    config: ConfigOption = None,
) -> None:
    """取出原文，一个字节不差。

    例：zuozhen quarantine export 7 来件.eml
    """

    async def work(stores: Stores, _: dict[str, DistrictFiles]) -> None:
        arrival = await stores.arrivals.get(arrival_id)
        try:
            with target.open("xb") as file:
                file.write(arrival.raw)
        except FileExistsError as error:
            raise UsageError(f"{target} 已存在，请换一个文件名") from error
        except OSError as error:
            raise UsageError(f"写不了 {target}：{reason(error)}") from error
        done(f"已写入 {target}（{len(arrival.raw):,} 字节）")

    with_stores(config, work)


def retry(arrival_id: Id, config: ConfigOption = None) -> None:
    """把一封来件从隔离区放回队列，运行中的服务会再处理一次。

    例：zuozhen quarantine retry 7
    """

    async def work(stores: Stores, _: dict[str, DistrictFiles]) -> None:
        await stores.arrivals.retry(arrival_id, utc_now())
        done(f"来件 {arrival_id} 已放回队列")

    with_stores(config, work)


def _facts(arrival: StoredArrival) -> dict[str, object]:
    return {
        "id": arrival.id,
        "district": arrival.district,
        "received_at": arrival.received_at.isoformat(),
        "envelope_from": arrival.envelope_from,
        "problem": arrival.problem,
        "tries": arrival.tries,
    }
