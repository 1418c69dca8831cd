"""Why something was decided: the record of then, the same petition decided again under the rules of then, and under those of today.

A decision is made again from the petition as it was read and from the earlier cases it was compared with, so that only the rules differ.
The plain evaluator is asked: it means the same as the engine and starts no process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from daemon.review import arrival_named
from daemon.stores import Stores
from rules.calendar import Calendar
from rules.compare import Difference, differences
from rules.decide import decide
from rules.reference import Reference
from rules.rulebook import RuleBook, load_files
from store.errors import ConfigError, UsageError
from store.model.case import Case, NotACase
from store.model.decision import Decision
from store.model.matching import Candidate, Pair
from store.model.petition import Petition


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What was decided and on what: `key` is the case number or A-12, `candidates` the earlier cases compared with then."""

    key: str
    district: str
    received_at: datetime
    petition: Petition
    decision: Decision
    candidates: tuple[Candidate, ...]
    pairs: tuple[Pair, ...] = ()  # what persons said of it and others since

    def without_separated(self) -> Record:
        """Return the record without what a person has separated from it since: that is never proposed again."""
        apart = {(pair.case_id, pair.record_id) for pair in self.pairs if not pair.is_same}
        return replace(self, candidates=tuple(one for one in self.candidates if apart.isdisjoint(_names(one))))


def _names(candidate: Candidate) -> set[tuple[int | None, int | None]]:
    return {(candidate.case_id, None), (None, candidate.elsewhere.record_id if candidate.elsewhere else None)} - {(None, None)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The same petition decided under one rule-book, and what came out otherwise than recorded."""

    rulebook: RuleBook
    decision: Decision
    differences: tuple[Difference, ...]


async def find(stores: Stores, key: str) -> Record:
    """Return the record of a case, or of an arrival that opened none: no case, or a follow-up. Raises UsageError where there is neither."""
    arrival_id = arrival_named(key)
    item: Case | NotACase = await stores.cases.get(key) if arrival_id is None else await stores.cases.set_aside(arrival_id)
    arrival = await stores.arrivals.get(item.arrival_id)
    return Record(
        key=item.number if isinstance(item, Case) else key.upper(),
        district=arrival.district,
        received_at=arrival.received_at,
        petition=item.petition,
        decision=item.decision,
        candidates=tuple(await stores.matching.again(item.decision.compared)),
        pairs=tuple(await stores.pairs.of_case(item.id)) if isinstance(item, Case) else (),
    )


async def kept_rulebook(stores: Stores, district: str, digest: str) -> RuleBook:
    """Return a rule-book that once decided. Raises UsageError where it is not kept, or where this version no longer understands it."""
    kept = await stores.packs.load(district, digest)
    try:
        book = load_files(f"{district}@{kept.digest[:8]}", kept.files)
    except ConfigError as error:
        raise UsageError(f"规则包 {kept.digest[:12]} 是旧版程序用的，现在的程序读不懂：\n{error}") from error
    if book.digest != kept.digest:
        raise UsageError(f"保存的规则包 {kept.digest[:12]} 与它的摘要不符：数据库里的内容被改动过，不能用来证明")
    return book


def decide_again(record: Record, rulebook: RuleBook, calendar: Calendar) -> Again:
    """Decide the petition of *record* under *rulebook* as of the moment it came in."""
    evaluator = Reference(rulebook.stages)
    decision = decide(
        record.petition,
        record.candidates,
        rulebook=rulebook,
        calendar=calendar,
        infer=evaluator.infer,
        now=record.received_at,
        engine=evaluator.name,
    )
    return Again(rulebook=rulebook, decision=decision, differences=tuple(differences(record.decision, decision, rulebook.district)))
