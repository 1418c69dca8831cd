"""`zuozhen check`: configuration, addresses, packs, calendar; every problem at once."""

from __future__ import annotations

import typer

from daemon.cli.chinese import Command
from daemon.cli.output import done
from daemon.cli.place import ConfigOption, config_at
from daemon.wiring import DistrictFiles, load_districts, open_room
from rules.calendar import load_calendar
from store.errors import ConfigError, Problem


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the command to the command line."""
    app.command(name, cls=Command, short_help=summary)(check)


def check(config: ConfigOption = None) -> None:
    """检查配置、部门邮箱、规则包和日历，一次列出全部问题：在哪里，怎么改。

    例：zuozhen check --config /srv/zuozhen/zuozhen.toml
    """
    problems: list[Problem] = []
    loaded = config_at(config)
    try:
        load_calendar()
    except ConfigError as error:
        problems.extend(error.problems)
    try:
        for files in load_districts(loaded):
            open_room(files, workers=1).engine.close()
            _report(files)
    except ConfigError as error:
        problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    done("没有发现问题。")


def _report(files: DistrictFiles) -> None:
    book = files.rulebook
    done(
        f"{book.district.name}：规则 {len(book.rules)} 条，词表 {len(book.lists)} 个，部门 {len(book.district.departments)} 个，规则包 {book.digest[:12]}"
    )
    without = [department.name for id_, department in book.district.departments.items() if id_ not in files.addresses.departments]
    if without:
        instead = f"其交办件将寄给{book.district.coordinator}" if files.addresses.coordinator else "又没有填统筹部门，其交办件将发不出去"
        done(f"  提醒：{len(without)} 个部门没有邮箱，{instead}：{'、'.join(without)}")
