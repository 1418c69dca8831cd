"""`zuozhen run`: the service in the foreground, as systemd wants it."""

from __future__ import annotations

import asyncio

import typer

from daemon import logs
from daemon.cli.chinese import Command
from daemon.cli.place import ConfigOption, config_at
from daemon.single import only_service
from daemon.supervise import serve
from daemon.wiring import open_house


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the command to the command line."""
    app.command(name, cls=Command, short_help=summary)(run)


def run(config: ConfigOption = None) -> None:
    """运行服务，直到收到 SIGTERM 或 Ctrl-C；SIGHUP 重新读规则包和部门邮箱。

    例：zuozhen run --config /srv/zuozhen/zuozhen.toml
    """
    loaded = config_at(config)
    logs.configure(loaded.log.level, loaded.log.format)

    async def work() -> None:
        async with open_house(loaded) as house:
            logs.listen(house.metrics.logged)
            await serve(house, asyncio.Event())

    with only_service(loaded.store.url):
        asyncio.run(work())
