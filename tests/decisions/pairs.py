"""Pairs of reports (`repeats/*.yaml`) as the files that `zuozhen rules evaluate` takes: mails, calls, letters, records of platforms."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import yaml

BEGIN = datetime(2025, 3, 3, 1, 0, tzinfo=UTC)
APART = timedelta(days=9)  # the second telling comes after all the first ones
ENDINGS = {"mail": "eml", "hotline": "json", "platform": "json", "letter": "txt", "window": "txt"}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two reports and whether they are `same`: one matter of one enterprise. Their rows are called `<name>-1` and `<name>-2`."""

    name: str
    why: str
    same: bool
    reports: tuple[dict[str, str], dict[str, str]]


def read_pairs(path: Path) -> list[Pair]:
    """Return the pairs in the file *path*."""
    rows: list[dict[str, Any]] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return [Pair(row["pair"], row["why"], row["same"], (row["first"], row["second"])) for row in rows]


def write_rows(pairs: list[Pair], folder: Path) -> Path:
    """Write the reports of *pairs* into *folder*, all first tellings before all second ones, and return the file of the labels."""
    (folder / "inputs").mkdir()
    rows = [row for which in (0, 1) for place, pair in enumerate(pairs) for row in [_write(pair, which, place, folder)]]
    labels = folder / "labels.jsonl"
    labels.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")
    return labels


def _write(pair: Pair, which: int, place: int, folder: Path) -> dict[str, Any]:
    """Write one report and return its row. Only what it is and when it came matters: nothing of the rest is compared."""
    report = pair.reports[which]
    name = f"{pair.name}-{which + 1}"
    at = (BEGIN + which * APART + place * timedelta(minutes=7)).astimezone()
    file = f"{name}.{ENDINGS[report['by']]}"
    (folder / "inputs" / file).write_bytes(octets_of(report, name, at))
    row: dict[str, Any] = dict.fromkeys(("ground", "department", "duplicate_of", "same_problem"))
    row |= {"id": name, "channel": report["by"], "input": file, "received_at": at.isoformat(), "enterprise": {}}
    return row | {"verdict": "accept", "co_departments": [], "duplicate_of": f"{pair.name}-1" if pair.same and which else None}


def octets_of(report: dict[str, str], name: str, at: datetime) -> bytes:
    """Return a report as its channel brings it."""
    match report["by"]:
        case "mail":
            return as_mail(report, name, at)
        case "hotline":
            return json.dumps(_call(report, name, at), ensure_ascii=False).encode()
        case "platform":
            return json.dumps(_record(report, name, at), ensure_ascii=False).encode()
        case _:
            return report["text"].encode()


def as_mail(report: dict[str, str], name: str, at: datetime = BEGIN) -> bytes:
    """Return a report by mail as its sender's program writes it; *name* is in its Message-ID."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Date"] = report["from"], "zzjs@cg.example", report["title"], at
    mail["Message-ID"] = f"<{name}@mail.example>"
    mail.set_content(report["text"])
    return mail.as_bytes()


def _call(report: dict[str, str], name: str, at: datetime) -> dict[str, object]:
    said = (line.split("：", maxsplit=1) for line in report["text"].strip().splitlines())
    turns = [{"speaker": speaker, "t": 5 * place, "text": words} for place, (speaker, words) in enumerate(said, start=1)]
    return {"call_id": name, "started_at": at.isoformat(), "caller_number": report["phone"], "transcript": turns}


def _record(report: dict[str, str], name: str, at: datetime) -> dict[str, object]:
    return {
        "platform": report.get("platform", "12345热线"),
        "order_no": f"53{name.replace('-', '')}",
        "accepted_at": at.isoformat(),
        "status": report["status"],
        "caller": {"name": report.get("contact", ""), "phone": report.get("phone", "")},
        "enterprise": report.get("name", ""),
        "subject": report["title"],
        "content": report["text"],
    }
