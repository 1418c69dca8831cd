"""`zuozhen check`: configuration, addresses, packs, calendar; every problem at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import typer

from daemon.cli.chinese import Command
from daemon.cli.output import done
from daemon.cli.place import ConfigOption, config_path
from daemon.config import Config, FolderSection
from daemon.config_reader import load_config, readable_districts
from daemon.districts import DistrictFiles, load_districts
from daemon.fax_doors import check_faxes
from daemon.hotline_doors import check_hotlines
from daemon.mailboxes import mailboxes_of
from daemon.platform_doors import check_platforms
from daemon.stores import open_database
from daemon.supervise import check_doors
from daemon.wiring import open_room, open_transport, utc_now
from rules.calendar_watch import missing_notice
from store.errors import ConfigError, Problem

T = TypeVar("T")


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the command to the command line."""
    app.command(name, cls=Command, short_help=summary)(check)


def check(config: ConfigOption = None) -> None:
    """检查配置、部门邮箱、规则包和日历，一次列出全部问题：在哪里，怎么改。

    例：zuozhen check --config /srv/zuozhen/zuozhen.toml
    """
    path = config_path(config)
    problems: list[Problem] = []

    def attempt(step: Callable[[], T]) -> T | None:
        try:
            return step()
        except ConfigError as error:
            problems.extend(error.problems)
            return None

    loaded = attempt(lambda: load_config(path))
    files = attempt(lambda: load_districts(*((loaded.district, loaded.calendar.folder) if loaded else (readable_districts(path),))))
    for district in files or ():
        attempt(lambda district=district: open_room(district, workers=1).engine.close())  # type: ignore[misc]  # bound at once
    if loaded:
        attempt(lambda: open_database(loaded.store))
        attempt(lambda: check_doors(loaded))
        attempt(lambda: open_transport(loaded.relay))
        known = {district.rulebook.district.id: district.rulebook.district for district in files or ()}
        if files:
            attempt(lambda: mailboxes_of(loaded.mailbox, known))
            attempt(lambda: check_platforms(loaded, {district.rulebook.district.id: district.rulebook for district in files}))
            attempt(lambda: check_hotlines(loaded, [district.rulebook.district.id for district in files]))
            attempt(lambda: check_faxes(loaded, [district.rulebook.district.id for district in files]))
    if problems:
        raise ConfigError(problems)
    for district in files or ():
        _report(district)
    if loaded:
        _report_doors(loaded)
    done("没有发现问题。")


def _folders(config: Config) -> Iterator[tuple[str, FolderSection]]:
    yield from (("平台", section) for section in config.platform)
    yield from (("热线", section) for section in config.hotline)
    yield from (("传真", section) for section in config.fax)


def _report_doors(config: Config) -> None:
    for called, section in _folders(config):
        if section.folder is not None and not section.folder.is_dir():
            done(f"  提醒：没有{called} {section.id} 的目录 {section.folder}；建好它，并让运行用户能读写")
    for mailbox in config.mailbox:
        if mailbox.security == "none":
            done(f"  提醒：邮箱 {mailbox.name} 用明文登录（security = none），口令和来件在路上谁都能看到；只应在本机使用")
    http = config.intake_http
    if http is not None and http.certificate is None and not http.listen.startswith(("unix:", "127.0.0.1:", "localhost:", "[::1]:")):
        done("  提醒：[intake_http] 没有证书，企业的名称和电话在路上谁都能看到；写上 certificate 与 key，或只在本机监听、前面放反向代理")


def _report(files: DistrictFiles) -> None:
    book = files.rulebook
    done(
        f"{book.district.name}：规则 {len(book.rules)} 条，词表 {len(book.lists)} 个，部门 {len(book.district.departments)} 个，规则包 {book.digest[:12]}"
    )
    without = [department.name for id_, department in book.district.departments.items() if id_ not in files.addresses.departments]
    if without:
        instead = f"其交办件将寄给{book.district.coordinator}" if files.addresses.coordinator else "又没有填统筹部门，其交办件将发不出去"
        done(f"  提醒：{len(without)} 个部门没有邮箱，{instead}：{'、'.join(without)}")
    known = {one.name for one in files.addresses.oversight}
    if unknown := [name for name in book.settings.casework.oversight if name not in known]:
        done(f"  提醒：抄报单位没有邮箱，督办、回访情况抄报不到：{'、'.join(unknown)}；填在部门邮箱文件的 [oversight]，名称照写")
    if "report_up" in book.settings.casework.copies and not files.addresses.leaders:
        done("  提醒：没有填区委、区政府的邮箱，重要情况报告不到；填在部门邮箱文件的 [leaders]")
    if concern := missing_notice(files.calendar, utc_now().date()):
        done(f"  {concern.words}")
    sender = files.addresses.sender.address
    if sender.lower() not in {mailbox.lower() for mailbox in files.section.mailboxes}:
        done(f"  提醒：发件人 {sender} 不在收件地址（mailboxes）里，企业和部门回复的邮件本系统收不到")
