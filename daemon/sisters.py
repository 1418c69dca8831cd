"""A matter between sister districts of one deployment: which district a person means, and what the one gets that goes on with the matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from notifier.earlier import Earlier, earlier_lines
from store.errors import UsageError
from store.handing_over import coming_from, number_of
from store.model.arrival import StoredArrival
from store.model.case import Case, Progress
from store.model.decision import Decision, Verdict
from store.model.district import District
from store.model.matching import Candidate
from store.model.petition import Reading

if TYPE_CHECKING:
    from daemon.review import Office
    from store.arrivals import Arrivals
    from store.cases import Cases

_NEEDS_A_CASE = frozenset({Verdict.NOT_A_CASE, Verdict.FOLLOW_UP})


def sister_called(words: str, own: str, offices: Mapping[str, Office]) -> District | None:
    """Return the district served here beside *own* that *words* name: by id, by name or by its coordinator; None where it is some other body.

    Raises UsageError where they name *own*: a matter cannot be handed over to where it is.
    """
    said = "".join(words.split())
    found = next((office.rulebook.district for office in offices.values() if said in _names(office.rulebook.district)), None)
    if found is not None and found.id == own:
        raise UsageError(f"{said}就是本区，不必转交；改派本区部门请用 assign（回信写“改派某某局”）")
    return found


def _names(district: District) -> set[str]:
    """Return what a district is called: wuhua, 昆明市五华区, 五华区, 五华, 五华区政务服务局."""
    short = short_name(district)
    return {district.id, district.name, short, short.removesuffix("区"), f"{short}{district.coordinator.removeprefix('区')}"}


def short_name(district: District) -> str:
    """Return a district's name without its city's."""
    return district.name.rpartition("市")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A matter that a sister district hands over: read as it stands there, and what it brings with it."""

    reading: Reading
    begun: Progress
    earlier: tuple[Earlier, ...]  # the cases before, the one just handed over first
    before: frozenset[int]  # their ids
    why: str  # a person's words

    def others(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return *candidates* without what the matter was before it went round: it does not repeat itself."""
        return [one for one in candidates if one.case_id not in self.before]

    def as_case(self, decision: Decision) -> Decision:
        """Return *decision* so that a case comes of it, at which a person looks: a person has handed it over, and no rule may drop it."""
        reason = f"由{self.begun.from_district}转来（该区编号{self.begun.from_number}）：{self.why.rstrip('。')}；请核对并确认承办部门"
        if decision.verdict in _NEEDS_A_CASE:
            found = "规则认为不是诉求" if decision.verdict is Verdict.NOT_A_CASE else "规则认为是本区已有事项的续件"
            reason = f"{reason}；{found}，请核对"
            decision = replace(decision, verdict=Verdict.ACCEPT, proposed=True, ground=None, department=None)
        is_refused = decision.verdict is Verdict.REFUSE  # whatever the pack holds for certain: the other district saw it otherwise
        return replace(decision, proposed=decision.proposed or is_refused, review=(reason, *decision.review))


async def handed(arrival: StoredArrival, cases: Cases, arrivals: Arrivals, offices: Mapping[str, Office]) -> Handed | None:
    """Return what *arrival* brings where a sister district has handed it over, None for every other arrival."""
    number = number_of(arrival)
    if not number:
        return None
    old = await cases.get(number)
    files = {file.sha256: await arrivals.blob(file.sha256) for file in old.petition.letter.attachments}
    chain = [old, *await _before(old, cases)]
    known = {id_: office.rulebook.district for id_, office in offices.items()}
    earlier = [await _told(case, cases, known, known[arrival.district].timezone) for case in chain]
    why = next((event.reason for event in reversed(await cases.history(old.id)) if event.kind == "case.handed_over"), "")
    return Handed(
        reading=Reading(petition=old.petition, blobs=files),  # as it was read and completed there; its bytes are not read a second time
        begun=coming_from(old, earlier[0].district),
        earlier=tuple(earlier),
        before=frozenset(case.id for case in chain),
        why=why,
    )


async def earlier_of(case: Case, cases: Cases, districts: Mapping[str, District]) -> list[Earlier]:
    """Return what happened to *case* in the sister districts it comes from, the last one first. *districts* are those served now."""
    own = districts.get(case.district)
    zone = own.timezone if own else "UTC"  # of a district that is served no longer
    return [await _told(one, cases, districts, zone) for one in await _before(case, cases)]


async def _before(case: Case, cases: Cases) -> list[Case]:
    """Return the cases that *case* was before, the last one first."""
    chain = [case]
    while chain[-1].progress.from_number:
        chain.append(await cases.get(chain[-1].progress.from_number))
    return chain[1:]


async def _told(case: Case, cases: Cases, districts: Mapping[str, District], zone: str) -> Earlier:
    return earlier_lines(case, await cases.history(case.id), districts.get(case.district), zone)
