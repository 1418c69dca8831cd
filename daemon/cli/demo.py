"""`zuozhen demo`: sample mails through the real doors, rules, store and outbox of a throw-away instance."""

from __future__ import annotations

import asyncio
import email.policy
import sys
from collections.abc import Sequence
from contextlib import suppress
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import aiosmtplib
import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from daemon import logs
from daemon.cli import show
from daemon.cli.chinese import Command
from daemon.cli.init import addresses_text
from daemon.cli.output import console, done, plain, shorten
from daemon.config import Config
from daemon.config_reader import load_config
from daemon.demo.samples import MAILBOX, Sample, samples
from daemon.pipeline import Outcome
from daemon.review import set_aside_key
from daemon.supervise import serve
from daemon.wiring import House, open_house
from rules.rulebook import builtin_pack, load_pack
from store.errors import WorkerFailedError
from store.model.arrival import StoredArrival
from store.model.case import Case, CaseState
from store.model.district import District
from store.model.notice import NoticeState, Purpose, QueuedNotice

_PACK = "chenggong"
_CONFIG = f"""
[smtp]
listen = "127.0.0.1:0"
hostname = "demo.example"
[relay]
folder = "outgoing"
[[district]]
pack = "{_PACK}"
mailboxes = ["{MAILBOX}"]
addresses = "addresses.toml"
"""
_COLUMNS = ("来件", "件号", "企业", "结论", "承办部门", "初步对接")
_PATIENCE_S = 120.0


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the command to the command line."""
    app.command(name, cls=Command, short_help=summary)(demo)


def demo(once: Annotated[bool, typer.Option("--once", help="演示完自动结束（输出不是终端时也是如此）")] = False) -> None:
    """用样例来件演示全过程：真实的收件、读件、判断、登记、交办；数据在临时目录，结束即删。

    例：zuozhen demo --once
    """
    logs.configure("warning", "auto")
    with TemporaryDirectory(prefix="zuozhen-demo-") as name:
        config = load_config(_instance(Path(name)))
        asyncio.run(_run(config, Path(name), stay=sys.stdout.isatty() and not once))


def _instance(folder: Path) -> Path:
    """Write the instance that a user would have written, with an address for every department; return its configuration file."""
    district = load_pack(builtin_pack(_PACK)).district
    text = addresses_text(district).replace("zuozhen@example.gov.cn", MAILBOX)
    for id_ in district.departments:
        text = text.replace(f"# {id_} ", f"{id_} ").replace('= ""', f'= "{id_}@cg.example"', 1)
    (folder / "addresses.toml").write_text(text, encoding="utf-8")
    (folder / "data").mkdir()
    path = folder / "zuozhen.toml"
    path.write_text(_CONFIG, encoding="utf-8")
    return path


async def _run(config: Config, folder: Path, *, stay: bool) -> None:
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()

    def started(ports: dict[str, int]) -> None:
        if not ready.cancelled():  # which it is where the demo was interrupted before its doors were open
            ready.set_result(ports)

    async with open_house(config) as house:
        service = asyncio.create_task(serve(house, stop, started=started))
        showing = asyncio.create_task(_show_all(house, ready, folder, stay=stay))
        try:
            # Ctrl-C, or a door that cannot open, ends the service; what is being shown then has nothing to wait for any more.
            await asyncio.wait({service, showing}, return_when=asyncio.FIRST_COMPLETED)
            if showing.done() and stay:
                await asyncio.wait({service})
        finally:
            showing.cancel()
            stop.set()
            await service
        with suppress(asyncio.CancelledError):
            await showing


async def _show_all(house: House, ready: asyncio.Future[dict[str, int]], folder: Path, *, stay: bool) -> None:
    """Hand the samples in, draw what becomes of them, then one case in full."""
    mails = samples()
    board = _Board(mails, house.rooms[_PACK].rulebook.district)
    house.pipeline.on_recorded(board.add)
    with board.live():
        await _send(mails, (await ready)["smtp"])
        await _settled(house, board)
    await _show_one(house, board, folder, (await ready)["smtp"], stay=stay)


async def _send(mails: Sequence[Sample], port: int) -> None:
    """Hand every sample to the door as a mail server would, in order."""
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False) as client:
        for mail in mails:
            await client.sendmail(mail.sender, [MAILBOX], mail.raw)


async def _settled(house: House, board: _Board) -> None:
    """Wait until every arrival is decided and every notice sent; raises WorkerFailedError where that takes far too long."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while await house.stores.arrivals.undecided_count() or await house.stores.outbox.list(state=NoticeState.QUEUED, limit=1):
                await board.changed(within_s=0.2)
    except TimeoutError as error:
        left = await house.stores.arrivals.undecided_count()
        raise WorkerFailedError(f"演示在 {_PATIENCE_S:.0f} 秒内没有办完，还有 {left} 封未判断；请看上面的日志") from error


async def _show_one(house: House, board: _Board, folder: Path, port: int, *, stay: bool) -> None:
    """Print one case in full, the mail its department got, what its answer brings about, and how to go on."""
    answered = next(sample for sample in samples() if sample.answer)
    example = next((item.case for item in board.outcomes if _is_of(item.case, answered)), None)
    if example is None:
        return
    history = await house.stores.cases.history(example.id)
    notices = sorted(await house.stores.outbox.list(case_id=example.id), key=lambda queued: queued.id)
    owed = await house.stores.deadlines.of_case(example.id)
    done("\n———— 其中一件（zuozhen case show）————\n")
    done("\n".join(show.case_lines(example, board.district, history, notices, owed)))
    mail = next(queued for queued in notices if queued.notice.purpose is Purpose.ASSIGN)
    done("\n———— 承办部门收到的邮件（zuozhen outbox show）————\n")
    _tell_mail(mail)
    done("\n———— 部门直接回复这封邮件 ————\n")
    done(answered.answer)
    await _answer(mail, answered.answer, port)
    await _settled(house, board)
    done("\n———— 企业随即收到 ————\n")
    for told in await house.stores.outbox.list(case_id=example.id, limit=20):
        if told.id > mail.id and told.notice.purpose is Purpose.PROGRESS:
            _tell_mail(told)
    if stay:
        done(
            f"\n演示还在运行。在另一个终端里可以接着看（按 Ctrl-C 结束演示，数据随之删除）：\n\n  export ZUOZHEN_CONFIG={folder}/zuozhen.toml"
        )
        done(f"  .venv/bin/zuozhen review list\n  .venv/bin/zuozhen case show {example.number}\n  .venv/bin/zuozhen outbox list")
        done(f"  ls {folder}/outgoing            # 发出的邮件，.eml")


def _is_of(case: Case | None, sample: Sample) -> bool:
    """Say whether *case* is the one that *sample* opened, and lies with its department."""
    sender = case.petition.letter.sender if case else None
    return case is not None and case.state is CaseState.ASSIGNED and sender is not None and sender.address == sample.sender


async def _answer(mail: QueuedNotice, text: str, port: int) -> None:
    """Answer *mail* as its department would: by the reply button of its mail program."""
    reply = EmailMessage()
    reply["From"], reply["To"], reply["Subject"] = mail.notice.to.address, MAILBOX, f"回复：{mail.notice.subject}"
    reply["Message-ID"], reply["In-Reply-To"] = make_msgid(domain="cg.example"), f"<{mail.message_id}>"
    reply.set_content(text)
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False) as client:
        await client.sendmail(mail.notice.to.address, [MAILBOX], reply.as_bytes(policy=email.policy.SMTP))


def _tell_mail(mail: QueuedNotice) -> None:
    done(f"收件人：{mail.notice.to.address}\n主题：{mail.notice.subject}\n\n{mail.notice.text}")


class _Board:
    """The live table of what became of each sample."""

    def __init__(self, mails: Sequence[Sample], district: District) -> None:
        """Prepare for *mails*, decided by the pack of *district*."""
        self.district = district
        self.outcomes: list[Outcome] = []
        self._mails = mails
        self._rows: list[tuple[str, ...]] = []
        self._changed = asyncio.Event()
        self._live = Live(self._table(), console=console(), refresh_per_second=8)

    def live(self) -> Live:
        """Return the context in which the table is drawn; off a terminal it is printed once, at the end."""
        return self._live

    def add(self, arrival: StoredArrival, outcome: Outcome) -> None:
        """Add what became of one arrival."""
        self.outcomes.append(outcome)
        self._rows.append(self._row(arrival, outcome))
        self._live.update(self._table())
        self._changed.set()

    async def changed(self, *, within_s: float) -> None:
        """Return when a row was added, or after *within_s* seconds."""
        try:
            await asyncio.wait_for(self._changed.wait(), within_s)
        except TimeoutError:
            return
        self._changed.clear()

    def _row(self, arrival: StoredArrival, outcome: Outcome) -> tuple[str, ...]:
        case, decision = outcome.case, outcome.decision
        number = case.number if case else set_aside_key(arrival.id)
        department = show.department_name(decision.department, self.district) if decision.department else "—"
        name = outcome.petition.name.value if outcome.petition.name else "—"
        due = decision.due.due.isoformat() if decision.due else "—"
        verdict = show.conclusion(decision.verdict, decision.ground, self.district, proposed=decision.proposed)
        return (shorten(outcome.petition.title, 24), number, shorten(name, 18), verdict, department, due)

    def _table(self) -> Table:
        repeated = len(self._mails) - len({mail.raw for mail in self._mails})
        title = f"投递样例来件 {len(self._mails)} 封（其中 {repeated} 封是重复投递，不重复登记），已判断 {len(self._rows)} 封"
        table = Table(title=title, title_justify="left", header_style="bold", pad_edge=False)
        for column in _COLUMNS:
            table.add_column(column, overflow="fold")
        for row in self._rows:
            table.add_row(*(Text(plain(cell)) for cell in row))
        return table
