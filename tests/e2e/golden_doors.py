"""Puts the golden rows into a running daemon, each through the door that its channel has, in their order; and reads what became of them."""

from __future__ import annotations

import asyncio
import email
import email.policy
import email.utils
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from daemon.config_reader import load_config
from daemon.evaluation import Rows
from daemon.pipeline import Outcome
from daemon.stores import Stores, open_stores
from daemon.wiring import message_domain
from rules.rulebook import builtin_pack, load_pack
from rules.workbench.evaluate import Label, Result
from store.errors import UsageError
from tests.e2e.clocked import turn
from tests.e2e.instance import ROOT, Daemon, ask, deliver
from tests.e2e.posting import SECRET, post
from tests.servers.patience import patience

_PATIENCE_S = 120.0
_FOLDERS = """
[intake_http]
listen = "127.0.0.1:0"
[[hotline]]
id = "zwfw"
key_file = "key"
[[fax]]
id = "zw"
folder = "fax"
poll_seconds = 1
[[fax]]
id = "laixin"
kind = "letter"
folder = "letter"
poll_seconds = 1
"""
_PLATFORM = """
[[platform]]
id = "{id}"
key_file = "key"
"""
BOOK = load_pack(builtin_pack("chenggong"))


def add_doors(config: Path) -> None:
    """Add a door for every channel to the configuration."""
    for name in ("fax", "letter"):
        (config.parent / name).mkdir()
    (config.parent / "key").write_text(SECRET, encoding="utf-8")
    (config.parent / "key").chmod(0o600)
    with config.open("a", encoding="utf-8") as file:
        file.write(_FOLDERS + "".join(_PLATFORM.format(id=platform) for platform in BOOK.platforms))


@dataclass(slots=True)
class Hands:
    """Whoever hands the rows in: a mail server, programs, a fax server, a clerk. Each row is decided before the next one comes."""

    config: Path
    daemon: Daemon
    inputs: Path
    arrivals: dict[str, int] = field(default_factory=dict)  # by row

    async def hand_in(self, label: Label) -> None:
        """Hand a row in and wait until it is decided or put aside."""
        raw, before = (self.inputs / label.input).read_bytes(), len(self._settled())
        turn(self.config, datetime.fromisoformat(label.received_at))
        async with patience(_PATIENCE_S, f"end of handing in {label.id}", self.daemon.said):
            await getattr(self, f"_{label.channel}")(label, raw)
        await self.daemon.settled(before + 1)
        self.arrivals[label.id] = self._settled()[before]

    def _settled(self) -> list[int]:
        kinds = {"arrival.decided", "arrival.quarantined"}
        return [entry["arrival_id"] for entry in self.daemon.events if entry["event"] in kinds]

    async def _mail(self, label: Label, raw: bytes) -> None:
        message = email.message_from_bytes(raw, policy=email.policy.default)
        _, sender = email.utils.parseaddr(str(message["From"]))
        assert await deliver(self.daemon.port, raw, sender=sender), label.id

    async def _hotline(self, label: Label, raw: bytes) -> None:
        await self._posted("/intake/hotline/zwfw", raw, label)

    async def _platform(self, label: Label, raw: bytes) -> None:
        name = json.loads(raw)["platform"]
        (platform,) = [one.id for one in BOOK.platforms.values() if name in {one.name, *one.names}]
        await self._posted(f"/intake/platforms/{platform}", raw, label)

    async def _posted(self, path: str, raw: bytes, label: Label) -> None:
        started = next(entry for entry in self.daemon.events if entry["event"] == "service.started")
        at = datetime.fromisoformat(label.received_at).timestamp()
        answer = await post(started["ports"]["intake_http"], path, raw, label.id, at=at)
        assert answer.status == 202, (label.id, answer)

    async def _fax(self, label: Label, raw: bytes) -> None:
        folder = self.config.parent / label.channel
        (folder / f".{label.input}").write_bytes(raw)
        (folder / f".{label.input}").rename(folder / label.input)

    _letter = _fax

    async def _window(self, label: Label, _raw: bytes) -> None:
        words = ("register", "--config", str(self.config), "--by", "李明", "--wait", "0", "--from", str(self.inputs / label.input))
        command = (sys.executable, "-m", "tests.e2e.clocked", *words)
        clerk = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        said, _ = await clerk.communicate()
        assert clerk.returncode == 0, (label.id, said.decode())


async def outcomes(config: Path, labels: Sequence[Label], arrivals: Mapping[str, int]) -> dict[str, Result | None]:
    """Return what the database of a stopped daemon holds of each row, as `zuozhen rules evaluate` compares it with the label."""
    settings, rows = load_config(config), Rows()
    async with open_stores(settings, domain=message_domain(settings)) as stores:
        records = dict(ask(config, "SELECT arrival_id, id FROM platform_records"))
        for label in labels:
            if outcome := await _outcome(stores, arrivals[label.id]):
                rows.took(label.id, outcome, record=records.get(arrivals[label.id]))
        groups = await stores.problems.groups_of(BOOK.district.id)
    return {label.id: rows.result(label.id, BOOK.district, groups) for label in labels}


async def _outcome(stores: Stores, arrival: int) -> Outcome | None:
    """Return what was recorded of an arrival: with the case that it opened, or without one; None where it was not decided."""
    case = await stores.cases.of_arrival(arrival)
    if case is not None and case.arrival_id == arrival:
        return Outcome(petition=case.petition, candidates=(), decision=case.decision, case=case)
    try:
        aside = await stores.cases.set_aside(arrival)
    except UsageError:
        return None
    return Outcome(petition=aside.petition, candidates=(), decision=aside.decision, case=case)
