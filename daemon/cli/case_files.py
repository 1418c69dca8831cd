"""`zuozhen case files`: the original, the files that came with it, and the pieces of pages that a machine could not read well, into a folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.output import done, failed
from daemon.cli.place import ConfigOption, with_stores
from daemon.districts import DistrictFiles
from daemon.stores import Stores
from notifier.mail import name_of_original
from store.errors import UsageError
from store.model.case import Case
from store.model.petition import FIELD_WORDS
from store.trouble import reason


def files(
    key: Annotated[str, typer.Argument(metavar="件号", help="件号，如 CG-2024-00001")],
    to: Annotated[Path, typer.Option("--to", metavar="目录", help="存到这个目录，没有就新建；已有的同名文件不覆盖")],
    config: ConfigOption = None,
) -> None:
    """把一件的原件、附件、传真页面和认不准处的图像存到目录里看。来件中的文件未经查验，请勿直接运行。

    例：zuozhen case files CG-2024-00001 --to /tmp/CG-2024-00001
    """

    async def work(stores: Stores, _districts: dict[str, DistrictFiles]) -> None:
        case = await stores.cases.get(key)
        try:
            to.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"建不了目录 {to}：{reason(error)}") from error
        async for name, content in _of(case, stores):
            _write(to / name, content)

    with_stores(config, work)


async def _of(case: Case, stores: Stores) -> AsyncIterator[tuple[str, bytes]]:
    """Yield the names and bytes of all that belongs to *case*; a file that was not kept is named and passed over."""
    original = await stores.arrivals.raw(case.arrival_id)
    yield name_of_original(original), original
    snippets = case.petition.recognition.snippets if case.petition.recognition else ()
    wanted = [(file.name, file.sha256) for file in case.petition.letter.attachments]
    wanted += [(f"存疑-{FIELD_WORDS[one.field]}-第{one.page}页.png", one.sha256) for one in snippets]
    for name, sha256 in wanted:
        try:
            yield name, await stores.arrivals.blob(sha256)
        except UsageError as error:
            failed(f"{name}：{error}")


def _write(path: Path, content: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        failed(f"{path} 已经有了，没有覆盖")
    except OSError as error:
        raise UsageError(f"写不了 {path}：{reason(error)}") from error
    else:
        done(f"{path}（{len(content):,} 字节）")
