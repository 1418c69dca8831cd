"""`zuozhen rules copy`: takes a pack out into a folder of its own, for somebody to change."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from daemon import logs
from daemon.cli.output import done
from daemon.cli.place import SHORT, ConfigOption, config_at, districts_in_force, with_stores
from daemon.cli.rules_apply import only
from daemon.cli.workbench import argument_of
from daemon.districts import DistrictFiles
from daemon.stores import Stores
from rules.rulebook import pack_folder
from rules.workbench.base import write_base
from rules.workbench.cases import FOLDER as CASES
from store.errors import UsageError
from store.packs import KeptPack
from store.trouble import reason

_DEEPEST = 2  # parts of a name in a pack


def copy_pack(
    folder: Annotated[Path, typer.Argument(metavar="新目录", help="放在哪里；还没有这个目录，或是空的")],
    digest: Annotated[str, typer.Option("--digest", metavar="摘要", help="以前用过的哪一版，至少写前 6 位；不写则取现用的")] = "",
    district: Annotated[str, typer.Option("--district", metavar="区", help="哪个区；配置里只有一个区时不必写")] = "",
    config: ConfigOption = None,
) -> None:
    """取出现用的规则包，放进一个新目录来改；用例（cases）从配置里的目录一并取来。正在运行的服务不受影响。

    目录里记着是从哪一版取出的：改好后 rules apply，别人在此期间启用过别的，就会提醒，不会悄悄盖过去。

    例：zuozhen rules copy 新

    例：zuozhen rules copy ./上一版 --digest 3f9a1c02
    """
    logs.configure("error", "auto")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} 已经有了，未作改动；换一个名字，或先把它移走")
    files, whole, found = _asked(config, district, digest)
    cases = pack_folder(files.section.pack) / CASES
    try:
        _write(folder, whole)
        if cases.is_dir():
            shutil.copytree(cases, folder / CASES)
        write_base(folder, found)  # last: a folder that was not finished has no base
    except OSError as error:
        raise UsageError(f"写不了 {error.filename or folder}：{reason(error)}；换一个目录，或检查权限和磁盘") from error
    done(f"已取出规则包 {found[:SHORT]}{'' if digest else '（现用的）'}，在 {folder}。")
    done(f"用例取自 {cases}。" if cases.is_dir() else f"没有用例：{cases} 没有这个目录。")
    done(f"改好后：zuozhen rules lint {argument_of(folder)}，zuozhen rules apply {argument_of(folder)} --by 姓名")


def _asked(config: Path | None, district: str, digest: str) -> tuple[DistrictFiles, Mapping[str, bytes], str]:
    """Return the district's files, the pack's files by name, and its digest."""
    if not digest:
        files = only(asyncio.run(districts_in_force(config_at(config))), district)
        return files, files.rulebook.files, files.rulebook.digest

    async def load(stores: Stores, districts: dict[str, DistrictFiles]) -> tuple[DistrictFiles, KeptPack]:
        files = only(districts, district)
        return files, await stores.packs.load(files.rulebook.district.id, digest)

    files, kept = with_stores(config, load)
    return files, kept.files, kept.digest


def _write(folder: Path, whole: Mapping[str, bytes]) -> None:
    for name, raw in whole.items():
        parts = PurePosixPath(name).parts
        if len(parts) > _DEEPEST or ".." in parts or name.startswith("/"):  # the database may have been in other hands
            raise UsageError(f"数据库里的规则包有不该有的文件名 {name}，没有取出")
        path = folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
