"""`zuozhen register`: what an enterprise says at the window or writes in a letter, entered by a clerk; the running service decides it."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from channels import registration
from channels.registration import LABELS, REQUIRED, Entry
from daemon.cli.chinese import Command
from daemon.cli.output import as_json, done, failed
from daemon.cli.place import ConfigOption, JsonOption, files_of, with_stores
from daemon.districts import DistrictFiles
from daemon.registering import entries_of, kept_arrival
from daemon.stores import Stores
from daemon.wiring import utc_now
from notifier.receipt_of_registration import Registered, receipt
from store.errors import UsageError
from store.model.arrival import CHANNEL_WORDS, Accepted, Arrival, ArrivalState, Channel
from store.model.case import Case
from store.model.petition import Found
from store.trouble import reason

_CHANNELS = {"window": Channel.WINDOW, "letter": Channel.LETTER, "fax": Channel.FAX}
_WITHOUT_CASE = {
    ArrivalState.ACCEPTED: "服务还没有判断；运行后用 zuozhen case list 查看",
    ArrivalState.DONE: "看来不是诉求，没有立件；请用 zuozhen review list 复核",
    ArrivalState.QUARANTINED: "读不出来，在隔离区；请用 zuozhen quarantine list 查看",
}
_ASKED_AGAIN_S = 0.5
_END = "."
_NOTHING_MISSING = {"title": "有", "content": "有", "phone": "0871-67000000", "mail": "a@b.cn"}  # so that one field can be looked at alone


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the command to the command line."""
    app.command(name, cls=Command, short_help=summary)(register)


def register(
    config: ConfigOption = None,
    channel: Annotated[
        str, typer.Option("--channel", metavar="方式", help="window 到窗口来的，letter 来信，fax 看着传真录入的")
    ] = "window",
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="文件", help="从 YAML、JSON 文件登记，一件或多件；已写好的文字（接待单）用 .txt，原样登记；不写则逐项询问"
        ),
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="姓名", help="登记人；不写为当前用户")] = "",
    receipt_: Annotated[
        Path | None, typer.Option("--receipt", metavar="文件", help="回执存为这个 .docx，可打印交给企业；多件时写目录")
    ] = None,
    district: Annotated[str | None, typer.Option("--district", metavar="区", help="区的代号；配置里只有一个区时可不写")] = None,
    wait: Annotated[int, typer.Option("--wait", metavar="秒", min=0, max=120, help="最多等服务多少秒，以便回执写上件号")] = 10,
    json_: JsonOption = False,
) -> None:
    """登记到窗口来的、来信反映的诉求：内容与附件2相同，存好后由运行中的服务判断，与邮件一样。

    例：zuozhen register --receipt 回执.docx

    例：zuozhen register --channel letter --from 来信.yaml --by 李明

    例：zuozhen register --from 接待单.txt --receipt 回执.docx
    """
    if channel not in _CHANNELS:
        raise UsageError(f"--channel 只能是 {'、'.join(_CHANNELS)}")
    clerk = by or getpass.getuser()
    entries = entries_of(source, clerk) if source else [_asked(clerk)]
    for entry in entries:
        for doubt in registration.doubts_of(entry):
            failed(f"注意：{doubt}")

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        files = _district(districts, district)
        arrivals = [kept_arrival(entry, _CHANNELS[channel], files.rulebook.district.id, utc_now()) for entry in entries]
        receipts = await stores.arrivals.accept(arrivals)
        became = await _decided(stores, receipts, wait)
        written = _write(receipt_, files, entries, arrivals, receipts, [one.case for one in became])
        _tell(receipts, became, written, json_=json_)

    with_stores(config, work)


def _district(districts: dict[str, DistrictFiles], wanted: str | None) -> DistrictFiles:
    if wanted is None and len(districts) > 1:
        raise UsageError(f"配置里有几个区，请用 --district 写明：{'、'.join(districts)}")
    return files_of(districts, wanted or next(iter(districts)))


# ---------------------------------------------------------------- asking


def _asked(clerk: str) -> Entry:
    if not sys.stdin.isatty():
        raise UsageError("逐项询问需要在终端里进行；请用 --from 文件 登记")
    done("请逐项填写，没有的直接回车。内容可写多行，单独一行一个英文句点结束。")
    fields: dict[str, str] = {}
    for field, label in LABELS.items():
        fields[field] = _asked_lines(label) if field == "content" else _asked_line(field, label)
    while problems := registration.problems_of(Entry(fields=fields, clerk=clerk)):
        failed("；".join(problems))
        for field in ("title", "phone", "mail"):
            fields[field] = fields[field] or _asked_line(field, LABELS[field])
        fields["content"] = fields["content"] or _asked_lines(LABELS["content"])
    return Entry(fields=fields, clerk=clerk)


def _asked_line(field: str, label: str) -> str:
    """Ask for one field until it can be used; what only should be looked at twice is asked for once more."""
    last = None
    while True:
        value = str(typer.prompt(label, default="", show_default=False)).strip()
        entry = Entry(fields={**_NOTHING_MISSING, field: value}, clerk="")
        problems = registration.problems_of(entry)
        doubts = registration.doubts_of(entry)
        if not problems and (not doubts or value == last):
            return value
        failed("；".join([*problems, *(f"{doubt}；确实如此请再输一次" for doubt in doubts)]))
        last = value


def _asked_lines(label: str) -> str:
    """Read lines until one that is a full stop, or the end of the input."""
    done(f"{label}：")
    lines: list[str] = []
    while (line := sys.stdin.readline()) and line.strip() != _END:
        lines.append(line.rstrip("\n"))
    return "\n".join(lines).strip()


# ---------------------------------------------------------------- what became of it


@dataclass(frozen=True, slots=True)
class _Became:
    """How far the service is with an arrival, and the case it made of it or added it to."""

    state: ArrivalState
    case: Case | None


async def _decided(stores: Stores, receipts: Sequence[Accepted], wait: int) -> list[_Became]:
    """Return what became of each arrival, as far as the service has come within *wait* seconds."""
    left = int(wait / _ASKED_AGAIN_S)
    while True:
        became = [
            _Became((await stores.arrivals.get(kept.arrival_id)).state, await stores.cases.of_arrival(kept.arrival_id)) for kept in receipts
        ]
        if not left or all(one.state is not ArrivalState.ACCEPTED for one in became):
            return became
        left -= 1
        await asyncio.sleep(_ASKED_AGAIN_S)


def _write(
    target: Path | None,
    files: DistrictFiles,
    entries: Sequence[Entry],
    arrivals: Sequence[Arrival],
    receipts: Sequence[Accepted],
    cases: Sequence[Case | None],
) -> list[Path]:
    """Write a receipt for each entry, where they are wanted. Raises UsageError where a file cannot be written; the entries are kept."""
    if target is None:
        return []
    is_folder = target.is_dir()
    if len(entries) > 1 and not is_folder:
        raise UsageError(f"有 {len(entries)} 件，--receipt 请写一个目录；{len(entries)} 件都已登记")
    written = []
    for entry, arrival, kept, case in zip(entries, arrivals, receipts, cases, strict=True):
        path = target / f"回执-{case.number if case else f'A-{kept.arrival_id}'}.docx" if is_folder else target
        registered = Registered(
            number=case.number if case else "",
            arrival=f"A-{kept.arrival_id}",
            channel=CHANNEL_WORDS[arrival.channel],
            at=arrival.received_at,
            clerk=entry.clerk,
            **{field: entry.fields.get(field) or _read(case, field) for field in ("name", "contact", "phone", *REQUIRED)},
        )
        try:
            path.write_bytes(receipt(registered, files.rulebook.district))
        except OSError as error:
            raise UsageError(f"已登记为 A-{kept.arrival_id}，但回执写不到 {path}：{reason(error)}") from error
        written.append(path)
    return written


def _read(case: Case | None, field: str) -> str:
    """Return what the service read in a text that somebody wrote down; "" where it has not read it, or it is not there."""
    found: Found | str | None = getattr(case.petition, field) if case else None
    return found.value if isinstance(found, Found) else found or ""


def _tell(receipts: Sequence[Accepted], became: Sequence[_Became], written: Sequence[Path], *, json_: bool) -> None:
    told = list(zip(receipts, became, strict=True))
    if json_:
        as_json(
            [
                {
                    "arrival": f"A-{kept.arrival_id}",
                    "is_new": kept.is_new,
                    "state": one.state,
                    "case": one.case.number if one.case else None,
                }
                for kept, one in told
            ]
        )
        return
    for kept, one in told:
        again = "" if kept.is_new else "（以前登记过，没有再登记）"
        done(f"已登记：来件 A-{kept.arrival_id}{again}，{f'件号 {one.case.number}' if one.case else _WITHOUT_CASE[one.state]}")
    for path in written:
        done(f"回执：{path}")
