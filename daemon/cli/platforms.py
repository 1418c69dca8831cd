"""`zuozhen platforms`: records of 12345 and other platforms, from a file to what is kept of it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from channels.platforms import read_batch
from daemon import logs, platform_report
from daemon.cli.chinese import Command, group
from daemon.cli.output import as_json, done, local, shorten, table
from daemon.cli.place import LARGEST_ID, ConfigOption, JsonOption, LimitOption, config_at, is_configured, with_stores
from daemon.cli.workbench import BUILTIN, FAILED_GATE, folder_of
from daemon.districts import DistrictFiles
from daemon.platform_intake import Delivery, import_delivery, mapping_of
from daemon.stores import Stores
from daemon.wiring import utc_now
from rules.rulebook import RuleBook, load_pack, pack_folder
from store.codec import to_json
from store.errors import MalformedMessageError, UsageError
from store.model.matching import PlatformStatus
from store.model.platforms import STATUS_WORDS, Batch, KeptBatch, KeptRecord, Version
from store.trouble import reason

PlatformOption = Annotated[str | None, typer.Option("--platform", metavar="平台", help="平台代号，即映射文件的名字，如 12345")]
DistrictOption = Annotated[str | None, typer.Option("--district", metavar="区", help="区的代号；配置里只有一个区时可不写")]
Platform = Annotated[str, typer.Option("--platform", metavar="平台", help="平台代号，即映射文件的名字，如 12345")]
File = Annotated[Path, typer.Argument(metavar="文件", help="CSV、XLSX、JSON 或 JSONL")]

_LARGEST_FILE = 100 << 20
_SHOWN_ROWS = 20
_DOORS = {"folder": "目录", "http": "接口", "file": "命令"}


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the group to the command line."""
    platforms = group(summary)
    for command in (try_, import_, list_, show_, batches):
        platforms.command(command.__name__.strip("_"), cls=Command)(command)
    app.add_typer(platforms, name=name)


def try_(
    file: File,
    platform: Platform,
    pack: Annotated[
        str | None, typer.Option("--pack", metavar="规则包", help="规则包目录或名称；不写则取配置里的，没有配置时取随产品的")
    ] = None,
    district: DistrictOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """试读一个文件，什么也不录入：哪一列当作什么，每行读成什么，哪几行不行、为什么。有不行的行时退出码为 1。

    例：zuozhen platforms try 工单.csv --platform 12345

    例：zuozhen platforms try 工单.csv --platform 12345 --pack ./chenggong
    """
    if pack is None and config is None and not is_configured():
        pack = BUILTIN
    book = load_pack(folder_of(pack)) if pack else _book(config, district)
    mapping = mapping_of(book, platform)
    try:
        batch = read_batch(_bytes(file), mapping, book.district.timezone)
    except MalformedMessageError as error:
        raise UsageError(f"{file} 不能读：{error}") from error
    if json_:
        as_json(_batch_json(batch))
    else:
        _print_trial(batch, book.district.timezone)
    if batch.bad:
        raise typer.Exit(FAILED_GATE)


def import_(
    file: File, platform: Platform, district: DistrictOption = None, config: ConfigOption = None, json_: JsonOption = False
) -> None:
    """把一个文件录入；好的行收下，不行的行逐行列出。同一行再录一次没有影响。有不行的行时退出码为 1。

    与本区的件是否有关，由运行中的服务接着判断。

    例：zuozhen platforms import 工单.xlsx --platform 12345
    """
    logs.configure("error", "auto")
    raw = _bytes(file)

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> KeptBatch:
        chosen = _one_of(district, tuple(districts))
        books = {id_: files.rulebook for id_, files in districts.items()}
        try:
            delivery = Delivery(district=chosen, platform=platform, door="file", key=_fresh_key(), raw=raw, name=file.name)
            mapping_of(books[chosen], platform)
            return await import_delivery(stores.platforms, books, delivery, utc_now)
        except MalformedMessageError as error:
            raise UsageError(f"{file} 不能读：{error}") from error

    batch = with_stores(config, work)
    if json_:
        as_json(json.loads(to_json(batch)))
    else:
        done(_counts(batch))
        _print_bad(batch)
    if batch.bad:
        raise typer.Exit(FAILED_GATE)


def list_(
    platform: PlatformOption = None,
    status: Annotated[PlatformStatus | None, typer.Option(help="只列某一状态")] = None,
    turned: Annotated[bool, typer.Option("--turned-back", help="只列状态退回过的（如办结后又待审核）")] = False,
    bad: Annotated[bool, typer.Option("--bad", help="改列有问题的行：哪一批、第几行、哪一列、为什么")] = False,
    limit: LimitOption = 50,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """列出其他平台的记录，最近有变化的在前。

    例：zuozhen platforms list --platform 12345 --status pending

    例：zuozhen platforms list --bad
    """

    async def work(stores: Stores, _: dict[str, DistrictFiles]) -> None:
        if bad:
            _print_batches(await stores.platforms.batches(bad_only=True, platform=platform, limit=limit), json_=json_, rows=True)
            return
        records = await stores.platforms.records(platform=platform, status=status, turned_only=turned, limit=limit)
        if json_:
            as_json([json.loads(to_json(record)) for record in records])
        else:
            table(("平台", "编号", "状态", "企业", "标题", "提交", "版次"), map(_row, records), empty="还没有其他平台的记录。")

    with_stores(config, work)


def show_(
    number: Annotated[str, typer.Argument(metavar="编号", help="平台给的编号")],
    platform: PlatformOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """看一条记录：现在怎样，以前怎样，出自哪一批的哪一行。

    例：zuozhen platforms show 530100241008006620
    """

    async def work(stores: Stores, _: dict[str, DistrictFiles]) -> None:
        record = await stores.platforms.record(number, platform)
        if json_:
            as_json(json.loads(to_json(record)))
            return
        done(f"{record.platform} {record.number}　{_status(record.status, record.status_words)}（{local(record.status_since)} 起）")
        done(f"  企业：{record.name or '（没有写）'}　提交：{local(record.reported_at)}")
        done(f"  标题：{record.title or '（没有）'}")
        done("  内容：")
        for line in record.content.splitlines():
            done(f"    {line}")
        done("【经过】")
        for version in record.versions:
            done(f"  {_version(version)}")

    with_stores(config, work)


def batches(
    batch_id: Annotated[int | None, typer.Option("--show", metavar="批号", min=1, max=LARGEST_ID, help="看一批里全部有问题的行")] = None,
    export: Annotated[Path | None, typer.Option("--export", metavar="文件", help="与 --show 同用：取出这一批的原文件")] = None,
    limit: LimitOption = 50,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """列出收过的文件，新的在前：多少行收下、多少行有问题。

    例：zuozhen platforms batches；zuozhen platforms batches --show 12 --export 原件.csv
    """
    if export is not None and batch_id is None:
        raise UsageError("--export 要与 --show 批号 一起写")

    async def work(stores: Stores, _: dict[str, DistrictFiles]) -> None:
        if batch_id is None:
            _print_batches(await stores.platforms.batches(limit=limit), json_=json_, rows=False)
            return
        batch = await stores.platforms.batch(batch_id)
        if export is not None:
            _write(export, await stores.platforms.content(batch_id))
        _print_batches([batch], json_=json_, rows=True)

    with_stores(config, work)


# ---------------------------------------------------------------- what is printed


def _print_trial(batch: Batch, timezone: str) -> None:
    for line in platform_report.reading(batch):
        done(line)
    rows = [
        (
            str(row.place),
            row.record.number,
            _status(row.record.status, row.record.status_words),
            row.record.name,
            row.record.phone,
            shorten(row.record.title or row.record.content, 24),
            local(row.record.reported_at, timezone),
        )
        for row in batch.good[:_SHOWN_ROWS]
    ]
    table(("行", "编号", "状态", "企业", "电话", "标题", "提交"), rows, empty="没有一行能收。")
    if len(batch.good) > _SHOWN_ROWS:
        done(f"……另有 {len(batch.good) - _SHOWN_ROWS} 行能收（全部见 --json）")
    for one in batch.bad:
        done(f"✗ {one}")
    done(f"能收 {len(batch.good)} 行，不能收 {len(batch.bad)} 行。")


def _batch_json(batch: Batch) -> dict[str, object]:
    return {
        "form": batch.form,
        "columns": dict(batch.columns),
        "unread": list(batch.unread),
        "good": [{"row": row.place, **json.loads(to_json(row.record))} for row in batch.good],
        "bad": [platform_report.bad_row(one) for one in batch.bad],
    }


def _print_batches(listed: Sequence[KeptBatch], *, json_: bool, rows: bool) -> None:
    if json_:
        as_json([json.loads(to_json(batch)) for batch in listed])
        return
    if not rows:
        columns = ("批", "平台", "收到", "经由", "文件", "新增", "变化", "相同", "过时", "有问题", "状态退回")
        counted = ("added", "changed", "same", "older")
        shown = [
            (
                str(batch.id),
                batch.platform,
                local(batch.at),
                _DOORS.get(batch.door, batch.door),
                batch.name or batch.peer,
                *(str(getattr(batch, name)) for name in counted),
                str(len(batch.bad)),
                str(batch.turned_back),
            )
            for batch in listed
        ]
        table(columns, shown, empty="还没有收过其他平台的文件。")
        return
    for batch in listed:
        done(_counts(batch))
        _print_bad(batch)
    if not listed:
        done("没有有问题的行。")


def _counts(batch: KeptBatch) -> str:
    still = "" if batch.is_done else f"，还有 {batch.good - batch.taken} 行正在录入"
    turned = f"，其中 {batch.turned_back} 条状态退回" if batch.turned_back else ""
    return (
        f"第 {batch.id} 批　{batch.platform}　{local(batch.at)}　{batch.name or batch.peer}　{batch.form}：新增 {batch.added} 条，"
        f"变化 {batch.changed} 条{turned}，相同 {batch.same} 条，比已有的旧 {batch.older} 条，有问题 {len(batch.bad)} 行{still}"
    )


def _print_bad(batch: KeptBatch) -> None:
    for one in batch.bad:
        done(f"  ✗ {one}")


def _row(record: KeptRecord) -> tuple[str, ...]:
    newest = record.versions[0]
    return (
        record.platform,
        record.number,
        _status(record.status, record.status_words) + _turned(newest),
        record.name,
        shorten(record.title or record.content, 24),
        local(record.reported_at),
        str(newest.version),
    )


def _version(version: Version) -> str:
    status = _status(version.status, version.status_words)
    return f"{version.version}. {local(version.at)}　{status}{_turned(version)}　第 {version.batch_id} 批第 {version.place} 行"


def _status(status: PlatformStatus, words: str) -> str:
    ours = STATUS_WORDS[status]
    return words if words == ours else f"{words}〔{ours}〕"


def _turned(version: Version) -> str:
    return f"（由“{STATUS_WORDS[version.turned_from]}”退回）" if version.turned_from else ""


# ---------------------------------------------------------------- what is asked


def _book(config: Path | None, district: str | None) -> RuleBook:
    books = [load_pack(pack_folder(section.pack)) for section in config_at(config).district]
    by_id = {book.district.id: book for book in books}
    return by_id[_one_of(district, tuple(by_id))]


def _one_of(district: str | None, known: Sequence[str]) -> str:
    if district is None and len(known) == 1:
        return known[0]
    if district not in known:
        raise UsageError(f"请用 --district 写明是哪个区：{'、'.join(known)}")
    return str(district)


def _bytes(file: Path) -> bytes:
    try:
        if file.stat().st_size > _LARGEST_FILE:
            raise UsageError(f"{file} 超过 {_LARGEST_FILE >> 20} 兆；请分成几个文件")
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"打不开 {file}：{reason(error)}") from error


def _write(target: Path, content: bytes) -> None:
    try:
        with target.open("xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise UsageError(f"{target} 已存在，请换一个文件名") from error
    except OSError as error:
        raise UsageError(f"写不了 {target}：{reason(error)}") from error


def _fresh_key() -> str:
    """Return a key of its own for each import: the same rows again change nothing anyway."""
    return secrets.token_hex(16)
