"""Builds every object once from the configuration and hands it on. Nothing here runs; `daemon.supervise` runs it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from channels.imap_watch import Watcher
from channels.page_reader import DEFAULT_CAPS as PAGE_CAPS
from channels.page_reader import PageReader
from channels.platform_reader import PlatformReader
from channels.reader import Reader
from daemon.call_intake import CallIntake
from daemon.casework import Casework
from daemon.clock import Clock
from daemon.config import MIB, Config, DistrictSection, RelaySection
from daemon.config_reader import load_addresses, read_secret
from daemon.districts import DistrictFiles, load_districts
from daemon.fax_doors import FaxIntake, gateways_of, open_faxes
from daemon.grouping import Grouping
from daemon.health.metrics import Metrics
from daemon.health.vitals import Mailbox
from daemon.hotline_doors import open_hotlines
from daemon.lease_log import LeaseLog
from daemon.mailboxes import checking_servers, mailboxes_of, open_watchers
from daemon.pipeline import DistrictRoom, Pipeline
from daemon.platform_doors import Doors, open_doors
from daemon.platform_intake import PlatformIntake
from daemon.reconsidering import Reconsideration
from daemon.replies import Replies
from daemon.replies import Stores as ReplyStores
from daemon.returns import Returns
from daemon.review import Office, Review
from daemon.rulebooks import InForce, in_force, order_folders
from daemon.sender_checks import open_sender_checks
from daemon.sending import Sender
from daemon.session_end import SessionEnd
from daemon.sessions import Sessions
from daemon.stores import Stores, open_stores
from daemon.supplements import Supplements
from daemon.surveys import Surveys
from daemon.trust import trusting
from notifier.compose import Composer
from notifier.transport import FolderTransport, SmtpTransport, Transport
from rules.calendar import Calendar
from rules.engine import Engine
from rules.planner import Planner, plans
from rules.rulebook import RuleBook
from store.database import Database
from store.errors import ConfigError
from store.leases import Leases
from store.model.arrival import Accepted, Arrival
from store.packs import Packs
from store.platforms import Taken
from store.workers import Caps

log = structlog.get_logger()


def utc_now() -> datetime:
    """Return the present moment; the one clock of the running daemon."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything that the service and the commands work with."""

    config: Config
    stores: Stores
    leases: Leases
    rooms: dict[str, DistrictRoom]  # by district id; a reload swaps what is in them
    sections: Mapping[str, DistrictSection]  # likewise
    recipients: Mapping[str, str]  # mailbox, lower-cased → district id
    watchers: tuple[Watcher, ...]  # one for each mailbox that is read by IMAP, not yet started
    pipeline: Pipeline
    sender: Sender
    review: Review
    replies: Replies
    clock: Clock
    sessions: Sessions
    grouping: Grouping
    casework: Casework
    intake: PlatformIntake  # what other platforms hand over, and …
    doors: Doors  # … the folders and the signed door by which they do
    reader: Reader
    metrics: Metrics
    mailboxes: Sequence[Mailbox]  # how those are doing that are polled
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a person's act needs of a district, without the engine (`daemon.review.Office`)."""

    rulebook: RuleBook
    composer: Composer
    calendar: Calendar

    @property
    def planner(self) -> Planner:
        """What the pack and the calendar make of an event for the deadlines of its case."""
        return plans(self.rulebook, self.calendar)


def open_desk(files: DistrictFiles) -> Desk:
    """Compile the wording of one district; raises ConfigError where a template fails."""
    return Desk(rulebook=files.rulebook, composer=Composer(files.rulebook.district, files.addresses), calendar=files.calendar)


def open_room(files: DistrictFiles, *, workers: int) -> DistrictRoom:
    """Start the engine of one district (child processes) and compile its wording; raises ConfigError where either fails. Blocks."""
    composer = Composer(files.rulebook.district, files.addresses)
    engine = Engine(files.rulebook, workers=workers)
    return DistrictRoom(rulebook=files.rulebook, engine=engine, composer=composer, calendar=files.calendar)


def open_rooms(districts: Sequence[DistrictFiles], *, workers: int) -> dict[str, DistrictRoom]:
    """Open the room of every district, by district id; where one fails, the others' engines are closed again. Raises and blocks as `open_room`."""
    rooms: dict[str, DistrictRoom] = {}
    try:
        for files in districts:
            rooms[files.rulebook.district.id] = open_room(files, workers=workers)
    except BaseException:
        for room in rooms.values():
            room.engine.close()
        raise
    return rooms


@asynccontextmanager
async def open_leases(database: Database, name: str) -> AsyncIterator[Leases]:
    """Join the services that work on *database* as one called *name*; say goodbye at the end."""
    leases = Leases(database, name=name, news=LeaseLog())
    await leases.start()
    try:
        yield leases
    finally:
        await leases.close()


@asynccontextmanager
async def open_house(config: Config, *, now: Callable[[], datetime] = utc_now, key: bytes | None = None) -> AsyncIterator[House]:
    """Build everything for *config*; raises ConfigError with every problem, StoreUnavailableError where the database is away.

    *now* and *key* (see `open_stores`) are other than usual where time and Message-IDs must come out the same again.
    """
    domain = await asyncio.to_thread(message_domain, config)
    transport = open_transport(config.relay)
    rooms: dict[str, DistrictRoom] = {}
    limits = config.limits
    reader = Reader(
        limits.readers,
        Caps(seconds=limits.read_seconds, memory=limits.read_memory_mb * MIB),
        pages=PageReader(replace(PAGE_CAPS, seconds=limits.fax_seconds, memory=limits.fax_memory_mb * MIB)),
        gateways=gateways_of(config),
        servers=checking_servers(config),
    )
    platform_reader = PlatformReader()
    try:
        async with (
            open_stores(config, domain=domain, key=key) as stores,
            open_leases(stores.database, config.name or socket.gethostname()) as leases,
            open_sender_checks(config.sender_check, stores.database, now=now) as senders,
        ):
            districts = await _in_force(config, stores)
            mailboxes = mailboxes_of(config.mailbox, {files.rulebook.district.id: files.rulebook.district for files in districts})
            rooms |= await asyncio.to_thread(open_rooms, districts, workers=limits.rule_workers)
            await keep_packs(stores.packs, districts, now=now())
            await order_folders(stores.orders, districts, actor="启动", now=now())
            replies = open_replies(stores, rooms, now=now)
            pipeline = Pipeline(
                replies=replies,
                returns=Returns(stores.returns, tokens=stores.reply_tokens, outbox=stores.outbox, now=now),
                surveys=Surveys(stores.surveys, tokens=stores.reply_tokens, now=now),
                rooms=rooms,
                arrivals=stores.arrivals,
                cases=stores.cases,
                matching=stores.matching,
                addresses=stores.addresses,
                reconsideration=Reconsideration(
                    cases=stores.cases,
                    matching=stores.matching,
                    platforms=stores.platforms,
                    reconsidering=stores.reconsidering,
                    now=now,
                ),
                reader=reader,
                senders=senders,
                pages=reader.pages,
                now=now,
                leases=leases,
                tries=limits.tries,
                at_once=limits.readers * 2,
            )
            metrics = Metrics()

            def rows_taken(taken: Taken) -> None:
                metrics.rows_taken(taken)
                pipeline.wake()

            intake = PlatformIntake(rooms=rooms, platforms=stores.platforms, reader=platform_reader, now=now, taken=rows_taken)

            def kept(arrivals: Sequence[Arrival], receipts: Sequence[Accepted]) -> None:
                metrics.accepted(arrivals, receipts)
                pipeline.wake()

            calls = CallIntake(rooms=rooms, arrivals=stores.arrivals, reader=reader, now=now, kept=kept)
            end = SessionEnd(bookings=stores.bookings, subjects=stores.subjects, hearings=stores.hearings)
            watchers = open_watchers(mailboxes, stores.ledger, leases, now=now, kept=kept)
            yield House(
                config=config,
                stores=stores,
                leases=leases,
                rooms=rooms,
                sections={files.rulebook.district.id: files.section for files in districts},
                recipients={box.lower(): files.rulebook.district.id for files in districts for box in files.section.received_at},
                watchers=watchers,
                pipeline=pipeline,
                sender=Sender(
                    outbox=stores.outbox,
                    arrivals=stores.arrivals,
                    transport=transport,
                    senders={files.rulebook.district.id: files.addresses.sender for files in districts},
                    offices=rooms,
                    now=now,
                    leases=leases,
                    at_once=config.relay.connections,
                    max_original=config.relay.max_original_mb * MIB,
                    plus_address=config.replies.plus_address,
                ),
                reader=reader,
                metrics=metrics,
                mailboxes=[watcher.status for watcher in watchers],
                replies=replies,
                review=Review(offices=rooms, arrivals=stores.arrivals, cases=stores.cases, now=now),
                clock=Clock(rooms=rooms, deadlines=stores.deadlines, subjects=stores.subjects, now=now, lacking=end.lacking),
                sessions=Sessions(rooms=rooms, bookings=stores.bookings, subjects=stores.subjects, end=end, now=now),
                grouping=Grouping(rooms=rooms, problems=stores.problems, now=now),
                intake=intake,
                doors=open_doors(config, {files.rulebook.district.id: files.rulebook for files in districts}, intake, now=now)
                + open_hotlines(config, list(rooms), calls, now=now)
                + open_faxes(config, list(rooms), FaxIntake(stores.arrivals, now=now, kept=kept)),
                casework=Casework(offices=rooms, cases=stores.cases, deadlines=stores.deadlines, now=now),
                now=now,
            )
    finally:
        await reader.close()
        await platform_reader.close()
        await transport.close()
        for room in rooms.values():
            await asyncio.to_thread(room.engine.close)


def open_replies(stores: Stores, offices: Mapping[str, Office], *, now: Callable[[], datetime]) -> Replies:
    """Return what acts on replies to our mails; *offices* are those of all districts."""
    parts = ReplyStores(
        cases=stores.cases,
        arrivals=stores.arrivals,
        bookings=stores.bookings,
        deadlines=stores.deadlines,
        outbox=stores.outbox,
        tokens=stores.reply_tokens,
        kept=stores.replies,
    )
    return Replies(parts, offices=offices, supplements=Supplements(stores.matching), now=now)


async def _in_force(config: Config, stores: Stores) -> list[DistrictFiles]:
    """Return what the districts decide by from this start on; where that is not what their folders hold, the log says why."""
    found = await in_force(stores.orders, stores.packs, config.district, config.calendar.folder, starting=True)
    for one in found:
        _report_folder(one)
    return [one.files for one in found]


def _report_folder(one: InForce) -> None:
    book, folder = one.files.rulebook, one.folder
    if one.refused:
        log.error("rulebook.reload_refused", problems=[*one.refused])
    elif folder.rulebook is None:
        log.error("rulebook.folder_broken", district=book.district.id, digest=book.digest, problems=[str(each) for each in folder.problems])
    elif folder.rulebook.digest != book.digest:
        log.warning("rulebook.folder_differs", district=book.district.id, digest=book.digest, folder=folder.rulebook.digest)


async def keep_packs(packs: Packs, districts: Sequence[DistrictFiles], *, now: datetime) -> None:
    """Keep the packs of *districts* before anything is decided with them. Raises StoreUnavailableError."""
    for files in districts:
        book = files.rulebook
        await packs.keep(book.district.id, book.digest, book.files, now=now)


def open_transport(relay: RelaySection) -> Transport:
    """Return the way out that *relay* names; raises ConfigError where its password or its authority cannot be read."""
    if relay.folder is not None:
        return FolderTransport(relay.folder)
    secret = read_secret(relay)
    return SmtpTransport(
        host=str(relay.host),
        port=relay.port,
        security=relay.security,
        username=relay.username,
        password=secret.get_secret_value() if secret else None,
        connections=relay.connections,
        tls_context=trusting(relay.authority),
    )


def message_domain(config: Config) -> str:
    """Return the domain of our Message-IDs: that of the address we write from. Raises ConfigError, then with what is wrong besides."""
    try:
        sender = load_addresses(config.district[0].addresses, None).sender
    except ConfigError:
        load_districts(config.district, config.calendar.folder)
        raise
    return sender.address.rpartition("@")[2]
