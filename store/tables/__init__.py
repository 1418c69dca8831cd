"""All tables under the names that queries give them; rows never leave store/.

Every row carries its district, and every unique key but the running number names it, so that a database may be spread by district.
"""

from __future__ import annotations

import sqlalchemy as sa

from store.tables.arrivals import ArrivalRow, AttachmentRow, BlobRow, DeliveryRow, LedgerRow, RawRow, SenderCheckRow, TryRow
from store.tables.bookings import BookingRow
from store.tables.cases import CaseRow, DeadlineRow, DecisionRow, EventRow, NumberRow, SubjectEventRow, SubjectRow
from store.tables.columns import Row
from store.tables.matching import (
    GramCountRow,
    GramRow,
    KeyRow,
    KnowledgeRow,
    PairRow,
    PlatformBatchRow,
    PlatformRecordRow,
    PlatformVersionRow,
    RecordGramRow,
    RecordKeyRow,
)
from store.tables.outbox import AddressTroubleRow, NoticeRow, ReplySeenRow
from store.tables.packs import FollowerRow, OrderRow, PackRow, ShadowDifferenceRow, ShadowRunRow
from store.tables.problems import ProblemKeyRow, ProblemMemberRow, ProblemQueueRow, ProblemRow
from store.tables.replies import HeldReplyRow
from store.tables.services import InstanceRow, LeaseRow
from store.tables.surveys import SurveySheetRow


def _table(row: type[Row]) -> sa.Table:
    return Row.metadata.tables[str(row.__tablename__)]


ARRIVALS = _table(ArrivalRow)
RAWS = _table(RawRow)
DELIVERIES = _table(DeliveryRow)
SENDER_CHECKS = _table(SenderCheckRow)
LEDGER = _table(LedgerRow)
TRIES = _table(TryRow)
BLOBS = _table(BlobRow)
ATTACHMENTS = _table(AttachmentRow)
NUMBERS = _table(NumberRow)
CASES = _table(CaseRow)
DECISIONS = _table(DecisionRow)
EVENTS = _table(EventRow)
SUBJECTS = _table(SubjectRow)
SUBJECT_EVENTS = _table(SubjectEventRow)
BOOKINGS = _table(BookingRow)
SURVEY_SHEETS = _table(SurveySheetRow)
KEYS = _table(KeyRow)
PLATFORM_RECORDS = _table(PlatformRecordRow)
RECORD_KEYS = _table(RecordKeyRow)
GRAMS = _table(GramRow)
RECORD_GRAMS = _table(RecordGramRow)
GRAM_COUNTS = _table(GramCountRow)
PAIRS = _table(PairRow)
PLATFORM_BATCHES = _table(PlatformBatchRow)
PLATFORM_VERSIONS = _table(PlatformVersionRow)
PROBLEMS = _table(ProblemRow)
PROBLEM_MEMBERS = _table(ProblemMemberRow)
PROBLEM_KEYS = _table(ProblemKeyRow)
PROBLEM_QUEUE = _table(ProblemQueueRow)
HELD_REPLIES = _table(HeldReplyRow)
NOTICES = _table(NoticeRow)
ADDRESS_TROUBLES = _table(AddressTroubleRow)
REPLIES_SEEN = _table(ReplySeenRow)
DEADLINES = _table(DeadlineRow)
PACKS = _table(PackRow)
ORDERS = _table(OrderRow)
FOLLOWERS = _table(FollowerRow)
SHADOW_RUNS = _table(ShadowRunRow)
SHADOW_DIFFERENCES = _table(ShadowDifferenceRow)
LEASES = _table(LeaseRow)
KNOWLEDGE = _table(KnowledgeRow)
INSTANCE = _table(InstanceRow)
