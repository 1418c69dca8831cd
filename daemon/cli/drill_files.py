"""Writes what a drill produced into a folder: mails, documents, the calendar, and the table of what was asked for beside what shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.cli import drill_view
from daemon.drill import papers, proofs
from daemon.drill.papers import Paper
from daemon.drill.play import Outcome
from daemon.drill.proofs import Requirement, Shown
from daemon.drill.workplace import Workplace
from notifier.transport import caught_name
from rules.packfiles import Problems
from store.errors import ConfigError, UsageError
from store.model.notice import QueuedNotice
from store.trouble import reason

COLUMNS = ("要求", "内容", "产出", "文件")
_MAILS, _PAPERS, _TABLE, _CALENDAR = "邮件", "文书", "对照.md", "日历.txt"
_NOT_IN_NAMES = re.compile(r"[^\w.-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be made and shown, as the folder of a drill says."""

    papers: Sequence[Paper] = ()
    requirements: Sequence[Requirement] = ()


def asked_of(folder: Path) -> Asked:
    """Read `documents.yaml` and `requirements.yaml` in *folder*, neither of which need be there. Raises ConfigError with every mistake."""
    problems = Problems()
    listed = papers.read_papers(_bytes(folder / papers.FILE), problems) if (folder / papers.FILE).is_file() else []
    wanted = folder / proofs.FILE
    names = {paper.file for paper in listed}
    requirements = proofs.read_requirements(_bytes(wanted), names, problems) if wanted.is_file() else []
    if problems.found:
        raise ConfigError(problems.found)
    return Asked(papers=listed, requirements=requirements)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"读不了 {path}：{reason(error)}") from error


def shown_by(outcome: Outcome, asked: Asked) -> list[tuple[Requirement, Shown]]:
    """Return every proof of every requirement with what shows it."""
    sent, names, made = outcome.ledger.sent, outcome.names, outcome.papers
    return [(one, proofs.shown(proof, sent, names, made)) for one in asked.requirements for proof in one.proofs]


def rows(outcome: Outcome, found: Sequence[tuple[Requirement, Shown]]) -> list[tuple[str, str, str, str]]:
    """Return the table: a row for each proof, what is asked for on the first one of each requirement."""
    files = {queued.id: name for name, queued in mail_names(outcome).items()}
    before = ["", *(one.id for one, _ in found)]
    return [
        (one.id if one.id != last else "", one.asks if one.id != last else "", _made(proof), _file(proof, files))
        for (one, proof), last in zip(found, before, strict=False)
    ]


def _made(found: Shown) -> str:
    return f"{found.proof.made}（{found.mails}封）" if found.mails > 1 else found.proof.made


def _file(found: Shown, files: Mapping[int, str]) -> str:
    if found.has_paper:
        return f"{_PAPERS}/{found.proof.paper}"
    if found.mail is not None:
        with_it = [one.name for one in found.mail.notice.enclosures if found.proof.wanted.get("enclosure", "\0") in one.name]
        return f"{_MAILS}/{files[found.mail.id]}{f' 的附件“{with_it[0]}”' if with_it else ''}"
    return f"没有：{found.proof.lacks or '应有而没有产出'}"


def disagreements(found: Sequence[tuple[Requirement, Shown]]) -> list[str]:
    """Return what is claimed and not there, and what is said to be lacking though it is there, in Chinese."""
    return [_disagreement(one, proof) for one, proof in found if not proof.is_as_said]


def _disagreement(one: Requirement, found: Shown) -> str:
    said = "已经有了，请去掉 lacks" if found.is_there else "应有而没有产出"
    return f"{found.proof.place}　{one.id} {found.proof.made}：{said}"


def table_lines(outcome: Outcome, listed: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the table as a page."""
    yield f"# {outcome.district.name}　演练对照　{outcome.first} 至 {outcome.last}"
    yield ""
    yield drill_view.summary_line(outcome) + "。"
    yield ""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    yield from (f"| {' | '.join(cell.replace('|', '｜') for cell in row)} |" for row in listed)


def mail_names(outcome: Outcome) -> dict[str, QueuedNotice]:
    """Return the mails by the names of their files, in the order in which they were written."""
    return {_name(nth, queued, outcome): queued for nth, queued in enumerate(outcome.ledger.sent, 1)}


def _name(nth: int, queued: QueuedNotice, outcome: Outcome) -> str:
    at, number = queued.created_at.astimezone(outcome.zone), _NOT_IN_NAMES.sub("_", queued.case_number)
    return f"{nth:04d}_{at:%Y-%m-%d_%H%M}_{number}_{queued.notice.purpose.value}.eml"


def write_mails(outcome: Outcome, place: Workplace, folder: Path) -> None:
    """Copy the mails that were caught, named after moment, case and purpose. Raises UsageError as `_write`."""
    _write({name: (place.outgoing / caught_name(queued.message_id)).read_bytes() for name, queued in mail_names(outcome).items()}, folder)


def write_all(outcome: Outcome, place: Workplace, folder: Path, listed: Sequence[Sequence[str]]) -> None:
    """Write everything into *folder*. Raises UsageError as `_write`."""
    write_mails(outcome, place, folder / _MAILS)
    _write(outcome.papers, folder / _PAPERS)
    pages = {_CALENDAR: "\n".join(drill_view.calendar_lines(outcome))}
    if listed:
        pages[_TABLE] = "\n".join(table_lines(outcome, listed))
    _write({name: f"{text}\n".encode() for name, text in pages.items()}, folder)


def _write(contents: Mapping[str, bytes], folder: Path) -> None:
    """Write *contents* by name; raises UsageError where that fails, or where *folder* has such files of something else, which would pass for ours."""
    endings = {Path(name).suffix for name in contents}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        foreign = sorted({path.name for path in folder.iterdir() if path.suffix in endings} - set(contents))
        if foreign:
            raise UsageError(f"{folder} 里有不是这次演练的文件 {foreign[0]}，没有写入；请换一个空目录")
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise UsageError(f"写不了 {error.filename or folder}：{reason(error)}") from error
