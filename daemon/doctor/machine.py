"""Examines what the service stands on: its database, room on the disk, the calendar's horizon, fonts, and its own certificates."""

from __future__ import annotations

import shlex
import shutil
import ssl
import stat
import subprocess
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

from daemon.config import MIB, Config, StoreSection
from daemon.doctor.certificate import own_certificate_ends, validity
from daemon.doctor.finding import Finding, fine, hint, trouble
from daemon.stores import open_database
from rules.calendar import Calendar
from store.database import Database
from store.errors import ConfigError, TemporaryError, UsageError
from store.figures import figures
from store.trouble import reason

_DATABASE = "数据库"
_LITTLE, _TIGHT = 10_240 * MIB, 1_024 * MIB
_SHORT, _SOON = 1, 3  # months
_MONTHS = 12
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


async def examine_database(store: StoreSection) -> list[Finding]:
    """Return what is to be said of the database. Nothing is created, upgraded or locked."""
    try:
        database = open_database(store)
        found, newest, quarantined = await _asked(database)
    except (TemporaryError, UsageError, ConfigError) as error:
        return [trouble(_DATABASE, str(error), "排除后再执行一次")]
    room = _room(database.file) if database.file else []
    if quarantined:
        room.append(hint("隔离区", f"有 {quarantined} 件等人看", "zuozhen quarantine list"))
    return [_schema(found, newest), *room]


async def _asked(database: Database) -> tuple[str | None, str, int]:
    """Return the version of the tables, the one we need, and, where they are the same, how many arrivals are in quarantine."""
    try:
        found, newest = await database.revision()
        if found != newest:
            return found, newest, 0
        await database.start()
        return found, newest, (await figures(database)).quarantined
    finally:
        await database.close()


def _schema(found: str | None, newest: str) -> Finding:
    if found is None:
        return hint(_DATABASE, "还没有建立", "第一次运行服务时建立")
    if found == newest:
        return fine(_DATABASE, f"能读，表结构版本 {found}")
    remedy = "启动服务时自动升级；先备份" if found < newest else "把程序升级到同一版本"
    return hint(_DATABASE, f"表结构版本 {found}，程序要的是 {newest}", remedy)


def examine_calendar(calendar: Calendar, today: date) -> Finding:
    """Say for how many months the State Council's notices are known."""
    last = max(calendar.years)
    months = (last - today.year) * _MONTHS + _MONTHS - today.month
    words = f"放假安排到 {last} 年底，还有 {max(months, 0)} 个月"
    remedy = "国务院办公厅发布新的放假通知后（一般在 11 月）导入：zuozhen calendar import 文件"
    if months < _SHORT:
        return trouble("日历", f"{words}；之后的期限只能算出暂定日期", remedy)
    return hint("日历", words, remedy) if months < _SOON else fine("日历", words)


def examine_fonts() -> Finding:
    """Say whether there is a font with Chinese characters, which printed forms will need."""
    program = shutil.which("fc-list")
    if program is None:
        return hint("字体", "没有 fc-list，看不出有没有中文字体", "以后出 PDF 时需要：apt-get install fontconfig fonts-noto-cjk")
    listed = subprocess.run([program, ":lang=zh", "family"], capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 - found on PATH
    if listed.stdout.strip():
        return fine("字体", "有中文字体")
    return hint("字体", "没有中文字体", "以后出 PDF 时需要：apt-get install fonts-noto-cjk")


def examine_doors(config: Config, now: datetime) -> Iterator[Finding]:
    """Yield what is to be said of the certificates of our own doors."""
    for name, section in (("SMTP", config.smtp), ("LMTP", config.lmtp)):
        if section is not None and section.certificate and section.key:
            yield _door(f"收件的门 {name}", section.certificate, section.key, now)


def examine_secrets(files: Sequence[Path]) -> Iterator[Finding]:
    """Yield a hint for each of *files* that others than its owner may read; one that cannot be read at all is told where it is used."""
    for file in files:
        try:
            mode = stat.S_IMODE(file.stat().st_mode)
        except OSError:
            continue
        if mode & _OTHERS:
            yield hint("口令", f"{file} 别的用户也读得到（权限 {mode:o}）", f"chmod 600 {shlex.quote(str(file))}")


def _door(about: str, certificate: Path, key: Path, now: datetime) -> Finding:
    try:
        ends = own_certificate_ends(certificate, key)
    except (OSError, ssl.SSLError) as error:
        why = reason(error) if not isinstance(error, ssl.SSLError) else "不是 PEM，或证书与私钥不配"
        return trouble(about, f"证书用不了：{why}", "检查 certificate 与 key")
    if ends is None:
        return trouble(about, "证书已经过期，或看不出有效期", "换上新证书后重新启动")
    return validity(about, ends, now)


def _room(file: Path) -> list[Finding]:
    """Return what is to be said of the disk on which the database *file* lies."""
    folder = file.parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return [trouble("磁盘", f"看不到 {folder}：{reason(error)}", "检查目录是否存在、权限是否正确")]
    words = f"{folder} 还剩 {free / MIB / 1024:.1f} 吉字节"
    if free < _TIGHT:
        return [trouble("磁盘", f"{words}，满了就收不下来件", "清理或扩容")]
    return [hint("磁盘", words, "准备清理或扩容") if free < _LITTLE else fine("磁盘", words)]
