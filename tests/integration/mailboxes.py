"""A mailbox on the real server, a store, and the daemon's hands between them, one step at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from channels.identity import mail_keys
from channels.imap import Account, Connection
from channels.imap_after import After
from channels.imap_intake import Intake, Treatment
from daemon.mailboxes import ThreadsLedger
from store.ledger import Ledger
from store.tables import ARRIVALS, DELIVERIES, LEDGER, RAWS
from tests.integration.store_values import DISTRICT, Store, arrival, opened
from tests.servers.dovecot import Box
from tests.servers.ground import HOST

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
LEAVE = After(kind="leave")


def mail(name: str, *, message_id: str | None = None, body: str = "") -> bytes:
    """Return a small mail called *name*; its Message-ID derives from the name unless one is given."""
    identity = f"{name}@enterprise.example" if message_id is None else message_id
    head = f"From: qy@enterprise.example\r\nSubject: {name}\r\nDate: Fri, 27 Nov 2026 09:00:00 +0800\r\nMessage-ID: <{identity}>\r\n"
    return f"{head}\r\n{body or f'letter {name}'}\r\n".encode()


@dataclass(slots=True)
class Desk:
    """One box and what the product knows of it. Each `look` is a connection of its own unless one is given."""

    box: Box
    store: Store
    ledger: Ledger
    intake: Intake
    connect: Callable[[], Connection]

    async def look(self, *, everything: bool = False, connection: Connection | None = None) -> int:
        """Look into the folder as a watcher does."""

        def work() -> int:
            opened = connection or self.connect()
            try:
                return self.intake.look(opened, everything=everything)
            finally:
                if connection is None:
                    opened.close()

        return await asyncio.to_thread(work)

    async def unaccounted(self) -> list[int]:
        """Return what reconciling finds: on the server and not in the ledger."""

        def work() -> list[int]:
            connection = self.connect()
            try:
                return self.intake.missing(connection)[0]
            finally:
                connection.close()

        return await asyncio.to_thread(work)

    def again(self, **changes: Any) -> None:
        """Forget what the process knew, as after a restart; *changes* go to the treatment."""
        old = self.intake
        self.intake = Intake(replace(old.treatment, **changes), old._book, old._now)

    async def subjects(self) -> list[str]:
        """Return the Subject of every arrival, in the order in which they were accepted."""
        query = select(RAWS.c.content).join(ARRIVALS, ARRIVALS.c.id == RAWS.c.arrival_id).order_by(ARRIVALS.c.id)
        raws = await self.store.db.read(lambda connection: list(connection.scalars(query)))
        return [raw.partition(b"Subject: ")[2].partition(b"\r\n")[0].decode() for raw in map(bytes, raws)]

    async def arrivals(self) -> list[tuple[str, datetime]]:
        """Return state and moment of every arrival."""
        query = select(ARRIVALS.c.state, ARRIVALS.c.received_at).order_by(ARRIVALS.c.id)
        return await self.store.db.read(lambda connection: [(row.state, row.received_at) for row in connection.execute(query)])

    async def problems(self) -> list[str]:
        """Return what stands in quarantine, the newest first."""
        return [arrival.problem for arrival in await self.store.arrivals.quarantined()]

    async def deliveries(self) -> int:
        """Return how many further deliveries of known messages were noted."""
        return await self.store.db.read(lambda connection: len(connection.execute(select(DELIVERIES.c.id)).all()))

    async def entries(self) -> dict[int, str]:
        """Return the ledger: UID and state, whatever the UIDVALIDITY."""
        query = select(LEDGER.c.uid, LEDGER.c.state)
        return await self.store.db.read(lambda connection: {uid: str(state) for uid, state in connection.execute(query)})


@asynccontextmanager
async def desk(box: Box, place: Path | str, *, port: int | None = None, **changes: Any) -> AsyncIterator[Desk]:
    """Open a store at *place* and look after *box* from there, leaving its mail alone; *changes* go to the treatment."""
    treatment = Treatment(district=DISTRICT.id, mailbox="坐诊信箱", address=box.user, folder="INBOX", max_size=1 << 20, after=LEAVE)
    account = Account(host=HOST, port=port or box.server.plain, security="none", user=box.user, timeout_s=20)
    async with opened(place) as store:
        ledger = Ledger(store.db)
        book = ThreadsLedger(ledger, asyncio.get_running_loop())
        yield Desk(
            box=box,
            store=store,
            ledger=ledger,
            intake=Intake(replace(treatment, **changes), book, lambda: NOW),
            connect=lambda: Connection.open(account, box.password),
        )


async def accepted_elsewhere(desk: Desk, raw: bytes) -> None:
    """Let *raw* come by SMTP as well."""
    message_id, content_key = mail_keys(raw)
    await desk.store.accept(arrival("elsewhere", content_key=content_key, message_id=message_id, raw=raw, source_key=f"smtp:{content_key}"))
