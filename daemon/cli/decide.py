"""`zuozhen decide`: what the rules say of a file, without store and without mail."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from daemon import logs
from daemon.cli import show
from daemon.cli.chinese import Command
from daemon.cli.output import as_json, done, failed
from daemon.cli.place import ConfigOption, JsonOption
from daemon.cli.workbench import PackOption, deciding
from daemon.pipeline import Outcome
from daemon.rehearsal import Message, channel_of, take, temporary_house
from daemon.wiring import utc_now
from rules.explain import explain
from rules.rulebook import RuleBook
from store.codec import to_json
from store.errors import MalformedMessageError, UsageError
from store.model.district import District
from store.trouble import reason

_UNREADABLE = 1


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the command to the command line."""
    app.command(name, cls=Command, short_help=summary)(decide)


def decide(
    files: Annotated[list[Path], typer.Argument(metavar="文件…", help=".eml 邮件、.txt 信函，或 .json、.srt、.vtt 通话记录")],
    pack: PackOption = None,
    config: ConfigOption = None,
    at: Annotated[datetime | None, typer.Option("--at", metavar="时间", help="当作什么时候收到（北京时间）；不写为现在")] = None,
    json_: JsonOption = False,
) -> None:
    """不入库、不发信，只显示规则对来件会怎么判断、为什么。给出几封时按次序判断，后面的看得到前面的。

    有一封读不出来时退出码为 1，其余照样判断。

    例：zuozhen decide 来信.eml

    例：zuozhen decide 来信.eml 补充.txt --pack ./新 --at 2026-10-09T09:00:00
    """
    logs.configure("error", "auto")
    now = at.replace(tzinfo=ZoneInfo("Asia/Shanghai")) if at else utc_now()
    messages = [_message(path, now) for path in files]
    book, which = deciding(pack, config)
    results = asyncio.run(_decide_all(messages, book, now))
    if json_:
        as_json([_as_json(path, result) for path, result in zip(files, results, strict=True)])
    else:
        done(which)
        for path, result in zip(files, results, strict=True):
            _print(path, result, book.district)
    if any(isinstance(result, str) for result in results):
        raise typer.Exit(_UNREADABLE)


async def _decide_all(messages: list[Message], book: RuleBook, now: datetime) -> list[Outcome | str]:
    async with temporary_house(book, now=lambda: now, readers=1) as house:
        results: list[Outcome | str] = []
        for message in messages:
            try:
                results.append(await take(house, message))
            except MalformedMessageError as error:
                results.append(str(error))
        return results


def _message(path: Path, now: datetime) -> Message:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"打不开 {path}：{reason(error)}") from error
    source = os.fsencode(path).decode("utf-8", "replace")  # a name in GBK, as old archives hold them
    return Message(source=source, channel=channel_of(path), received_at=now, raw=raw)


def _print(path: Path, result: Outcome | str, district: District) -> None:
    done(f"=== {path} ===")
    if isinstance(result, str):
        failed(f"读不出来：{result}")
    else:
        done("\n".join([*show.petition_lines(result.petition), "", *explain(result.decision, district), ""]))


def _as_json(path: Path, result: Outcome | str) -> dict[str, object]:
    if isinstance(result, str):
        return {"file": str(path), "problem": result}
    return {"file": str(path), "petition": json.loads(to_json(result.petition)), "decision": json.loads(to_json(result.decision))}
