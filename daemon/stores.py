"""The database, and the nouns kept in it, opened together from the configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from daemon.config import Config, StoreSection
from daemon.config_reader import read_secret
from store.addresses import Addresses
from store.arrivals import Arrivals
from store.bookings import Bookings
from store.cases import Cases
from store.database import Database
from store.deadlines import Deadlines
from store.heard import Hearings
from store.instance import Instance
from store.ledger import Ledger
from store.matching import Matching
from store.orders import Orders
from store.outbox import Caps as MailCaps
from store.outbox import Outbox
from store.packs import Packs
from store.pairs import Pairs
from store.platforms import Platforms
from store.problems import Problems
from store.reconsidering import Reconsidering
from store.reply_tokens import ReplyTokens
from store.replying import Replies as KeptReplies
from store.returning import Returns as KeptReturns
from store.shadows import Shadows
from store.subjects import Subjects
from store.surveys import Surveys


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The database and the nouns kept in it."""

    database: Database
    arrivals: Arrivals
    ledger: Ledger
    cases: Cases
    outbox: Outbox
    deadlines: Deadlines
    subjects: Subjects
    bookings: Bookings
    hearings: Hearings
    surveys: Surveys
    matching: Matching
    pairs: Pairs
    packs: Packs
    orders: Orders
    shadows: Shadows
    instance: Instance
    platforms: Platforms
    reconsidering: Reconsidering
    problems: Problems
    reply_tokens: ReplyTokens
    addresses: Addresses
    replies: KeptReplies
    returns: KeptReturns


def open_database(store: StoreSection) -> Database:
    """Return the database that *store* names, not yet opened; raises ConfigError where its address or its password is of no use."""
    secret = read_secret(store)
    return Database(store.url, password=secret.get_secret_value() if secret else None)


@asynccontextmanager
async def open_stores(config: Config, *, domain: str, key: bytes | None = None) -> AsyncIterator[Stores]:
    """Open the database, its schema up to date. *domain* stands in the Message-IDs of what is queued.

    *key* is that of a new database's Message-IDs; by default it is drawn.
    """
    database = open_database(config.store)
    await database.upgrade()
    await database.start()
    try:
        limits = config.limits
        instance, caps = Instance(database), MailCaps(day=limits.mails_a_day, three_hours=limits.mails_in_3_hours)
        outbox = Outbox(database, domain=domain, key=await instance.message_key(key), caps=caps)
        yield Stores(
            database=database,
            arrivals=Arrivals(database),
            ledger=Ledger(database),
            cases=Cases(database, outbox),
            outbox=outbox,
            deadlines=Deadlines(database, outbox),
            subjects=Subjects(database),
            bookings=Bookings(database, outbox),
            hearings=Hearings(database),
            surveys=Surveys(database, outbox),
            matching=Matching(database),
            pairs=Pairs(database),
            packs=Packs(database),
            orders=Orders(database),
            shadows=Shadows(database),
            instance=instance,
            platforms=Platforms(database),
            reconsidering=Reconsidering(database, outbox),
            problems=Problems(database, outbox),
            addresses=Addresses(database),
            replies=KeptReplies(database, outbox),
            returns=KeptReturns(database, outbox),
            reply_tokens=ReplyTokens(database, valid=timedelta(days=config.replies.token_days)),
        )
    finally:
        await database.close()
