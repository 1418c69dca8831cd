"""`zuozhen mail`: what happened to one message."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from channels.headers import addresses, parse_head
from channels.identity import content_start
from daemon.cli import show
from daemon.cli.chinese import Command, group
from daemon.cli.output import as_json, done
from daemon.cli.place import ConfigOption, JsonOption, with_stores
from daemon.districts import DistrictFiles
from daemon.review import set_aside_key
from daemon.stores import Stores
from store import message_log
from store.codec import to_json
from store.errors import MalformedMessageError
from store.message_log import Step
from store.model.decision import Verdict

Key = Annotated[str, typer.Argument(metavar="邮件或件号", help="来件或发出邮件的 Message-ID；件号，如 CG-2024-00001；来件编号，如 A-12")]
_MOST_LINES = 1 << 16  # of a header whose beginning alone is read
_SHORT = 12  # digits of a digest that tell one message from another
_KINDS = {
    "arrival.accepted": "收下",
    "arrival.repeated": "又投了一次",
    "arrival.postponed": "暂时没办成",
    "arrival.quarantined": "转入隔离区",
    "arrival.retried": "由人放回队列",
    "arrival.decided": "判断",
    "arrival.confirmed": "由人确认",
    "arrival.overruled": "由人立件",
    "notice.queued": "写好一封邮件",
    "notice.deferred": "没有发成",
    "notice.retried": "由人放回队列",
    **show.EVENTS,
}
_LABELS = {
    "arrival": "来件",
    "door": "门",
    "peer": "自",
    "envelope_from": "信封发件人",
    "envelope_to": "信封收件人",
    "author": "寄自",
    "message_id": "Message-ID",
    "queue_id": "对方队列号",
    "size": "字节数",
    "source": "邮箱中的位置",
    "case": "件号",
    "by": "经办",
    "verdict": "结论",
    "topic": "类别",
    "notice": "邮件",
    "purpose": "用途",
    "recipient": "收件人",
    "status": "状态码",
    "times": "次数",
    "first_at": "自何时起",
}


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the group to the command line."""
    mail = group(summary)
    mail.command("log", cls=Command)(log)
    app.add_typer(mail, name=name)


def log(key: Key, config: ConfigOption = None, json_: JsonOption = False) -> None:
    """按时间列出一封邮件的全部经过：怎么收下、怎么判断、发了哪些邮件、对方服务器怎么答复、有没有退回。

    例：zuozhen mail log CG-2024-00001；zuozhen mail log A-12；zuozhen mail log 20241009.1@enterprise.example
    """

    async def work(stores: Stores, _: dict[str, DistrictFiles]) -> None:
        found = await message_log.read(stores.database, key, author=_author)
        if json_:
            as_json({"case": found.case, "steps": [json.loads(to_json(step)) for step in found.steps]})
            return
        done(f"{key}　{f'属于 {found.case}' if found.case else '没有立件'}")
        for step in found.steps:
            done(_line(step))

    with_stores(config, work)


def _line(step: Step) -> str:
    kind = _KINDS.get(step.kind, step.kind)
    words = f"　{' '.join(step.words.split())}" if step.words else ""
    return f"  {_moment(step.at.isoformat())}  {kind}{_facts(step.about)}{words}"


def _facts(about: Mapping[str, object]) -> str:
    shown = [f"{_LABELS[name]} {text}" for name, value in about.items() if (text := _value(name, value))]
    return f"（{'，'.join(shown)}）" if shown else ""


def _value(name: str, value: object) -> str:
    if name in _WORDS:
        return _WORDS[name](str(value))
    return "、".join(map(str, value)) if isinstance(value, list) else str(value)


def _author(head: bytes) -> str:
    """Return the address in the From field at the beginning of a mail, "" where there is none."""
    try:
        fields, _, _ = parse_head(content_start(head), 0, lambda _: False, _MOST_LINES)
    except MalformedMessageError:
        return ""
    found = addresses(fields.first("from"), 1)
    return found[0].address if found else ""


def _place(source: str) -> str:
    """Return where in a mailbox a message lay, with the beginning of what its content hashes to."""
    place, _, digest = source.removeprefix("imap:").rpartition(":")
    return f"{place}，摘要 {digest[:_SHORT]}…"


def _moment(at: str) -> str:
    return datetime.fromisoformat(at).astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M:%S")


_WORDS: Mapping[str, Callable[[str], str]] = {
    "by": lambda name: "" if name in {"system", "rules"} else name,
    "arrival": lambda id_: set_aside_key(int(id_)),
    "verdict": lambda verdict: show.VERDICTS[Verdict(verdict)],
    "purpose": lambda purpose: show.PURPOSES[purpose],
    "envelope_from": lambda address: address or "<>",
    "source": _place,
    "size": lambda size: f"{int(size):,}",
    "first_at": _moment,
}
