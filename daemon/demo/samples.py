"""The sample mails of the demo, made from samples.yaml: always the same octets, all of it invented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any

import yaml

from daemon.demo.attachments import form, photo
from daemon.demo.clients import CLIENTS, Draft, compose, message_id
from store.model.decision import Verdict

MAILBOX = "zuozhen@chenggong.example"
_MAILBOX_NAME = "坐诊接诉"

Entry = dict[str, Any]  # one item of samples.yaml, whose keys its own head explains


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One mail to deliver. `sender` is the envelope sender ("" for the null sender); verdict, ground and department are what is right."""

    name: str
    raw: bytes
    sender: str
    note: str  # what it shows, Chinese
    verdict: Verdict
    ground: int | None
    department: str | None
    answer: str = ""  # what its department writes back


def samples() -> list[Sample]:
    """Return the samples in the order in which they are to be delivered."""
    entries: dict[str, Entry] = {
        entry["name"]: entry for entry in yaml.safe_load(files("daemon.demo").joinpath("samples.yaml").read_text("utf-8"))
    }
    return [_sample(entry, entries) for entry in entries.values()]


def _sample(entry: Entry, entries: dict[str, Entry]) -> Sample:
    source = entries[str(entry.get("redelivery_of", entry["name"]))]
    return Sample(
        name=entry["name"],
        raw=compose(CLIENTS[source["client"]], _draft(source, entries), source["name"]),
        sender=source.get("envelope_from", source["from"]["address"]),
        note=entry["note"],
        verdict=Verdict(entry["verdict"]),
        ground=entry.get("ground"),
        department=entry.get("department"),
        answer=entry.get("answer", "").strip(),
    )


def _draft(entry: Entry, entries: dict[str, Entry]) -> Draft:
    return Draft(
        sender_name=entry["from"]["name"],
        sender=entry["from"]["address"],
        to_name=_MAILBOX_NAME,
        to=MAILBOX,
        subject=entry["subject"],
        date=_date(entry),
        text=entry["body"],
        headers=tuple(entry.get("headers", ())),
        in_reply_to=_message_id(entries[entry["in_reply_to"]]) if "in_reply_to" in entry else "",
        files=tuple([form(entry["form"])] if "form" in entry else [photo(entry["photo"])] if "photo" in entry else []),
    )


def _message_id(entry: Entry) -> str:
    return message_id(CLIENTS[entry["client"]], entry["from"]["address"], _date(entry), entry["name"])


def _date(entry: Entry) -> datetime:
    return datetime.fromisoformat(str(entry["date"]))
