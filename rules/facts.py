"""From a petition and its candidates to facts: what the rules may know of a case, each fact with the quotations that prove it.

The shape of the facts stands in `rules.language`. Nothing is judged here, and nothing left out in silence: what is not searched or not
passed on is said in `notes`, for a person.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from rules.language import FIELDS, CountAsked, Mention, NearAsked, Rule, Scope, WordList, leaves
from rules.lexicon import Lexicon, Match, Text
from rules.rulebook import RuleBook
from rules.sameness import details, enterprise, named_in
from rules.similarity import shared_matters, shared_wording, without_names
from store.model.decision import Quote
from store.model.district import District
from store.model.matching import Candidate
from store.model.petition import Petition, Speaker

LONGEST = 100_000  # code points of all texts together that are searched
MOST_MATCHES = 20_000  # words found that are weighed, the first ones; a letter of ten pages has some two thousand
MOST_MENTIONS = 2_000  # mentions passed on, one for each list, place, sentence and negation
_QUOTES = 3  # of one fact
_SHORTEST_NAME, _LONGEST_NAME = 4, 60  # code points; shorter ones may be plain words, longer ones are misread
_COMPARED = 4_000  # code points of a candidate's content
_TITLE = 1.5  # how much more a matter weighs in a title, when two petitions are compared
_NAMES = "@"  # before a department's id: the list of its names; no list of a pack can be called so

FactDict = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the rules may know. `evidence` and `candidates` are by fact id; `notes` are reasons (Chinese) why a person should look.

    `named` are the departments (ids) whose names stand in the petition, in the order of the directory.
    """

    facts: tuple[FactDict, ...]
    evidence: Mapping[str, tuple[Quote, ...]]
    candidates: Mapping[str, Candidate]
    named: tuple[str, ...]
    notes: tuple[str, ...]


def facts_from(petition: Petition, candidates: Sequence[Candidate], *, rulebook: RuleBook, now: datetime) -> Facts:
    """Return the facts of *petition* as the rules of *rulebook* ask for them; *now* (aware) is when it came in."""
    texts, notes = texts_of(petition)
    words = words_of(rulebook)
    everything = words.lexicon.find(texts, silent=_own_names(petition))
    found = everything[:MOST_MATCHES]
    matches = [match for match in found if not match.words.startswith(_NAMES)]
    mentions, dropped = _mentions(matches)
    dropped += len(everything) - len(found)
    evidence: dict[str, tuple[Quote, ...]] = {}
    facts: list[FactDict] = []
    for fact, proof in (*mentions, *_counts(matches, rulebook.counts), *_nears(matches, rulebook.nears)):
        facts.append(fact)
        evidence[str(fact["id"])] = tuple(_quote(match) for match in proof[:_QUOTES])
    profile = _profile(matches, words.weights)
    compared = [
        (candidate, _comparison(candidate, petition, _likeness(candidate, petition, profile, words), now)) for candidate in candidates
    ]
    known = {str(fact["id"]): candidate for candidate, comparison in compared for fact in _as_facts(candidate, comparison)}
    facts += _by_worth(fact for candidate, comparison in compared for fact in _as_facts(candidate, comparison))
    if dropped:
        notes.append(f"来件用词重复太多，有 {dropped} 处未交规则判断")
    return Facts(
        facts=(
            anchor_of(petition, rulebook, now),
            *facts,
            *senders_of(petition, rulebook),
        ),
        evidence=evidence,
        candidates=known,
        named=_named(found, rulebook.district),
        notes=tuple(notes),
    )


def _named(found: Iterable[Match], district: District) -> tuple[str, ...]:
    names = {match.words.removeprefix(_NAMES) for match in found if match.text.where != "sender"}
    return tuple(identity for identity in district.departments if identity in names)


# ---------------------------------------------------------------- texts


def texts_of(petition: Petition) -> tuple[list[Text], list[str]]:
    """Return what is searched, in the order of its worth as evidence, cut at `LONGEST` code points; and notes (Chinese) for a person."""
    sender = petition.letter.sender.name if petition.letter.sender else ""
    whole = [
        Text("title", "title", petition.title),
        *_words(petition),
        Text("sender", "sender", sender),
        *(
            Text("attachment", source, text)
            for name, text in petition.attachment_texts.items()
            if (source := f"attachment:{name}") not in _forms(petition)
        ),
    ]
    texts: list[Text] = []
    left = LONGEST
    for text in whole:
        texts.append(Text(text.where, text.source, text.text[:left]))
        left -= len(texts[-1].text)
    is_cut = sum(len(text.text) for text in whole) > LONGEST
    return [text for text in texts if text.text], [f"来件太长，只分析了前 {LONGEST} 字"] if is_cut else []


def _words(petition: Petition) -> list[Text]:
    """Return what the enterprise says: the content, or of a call each of the caller's turns, so that a quotation says when it was said."""
    if not petition.turns:
        return [Text("content", "content", petition.content)]
    return [Text("caller", turn.source, turn.text) for turn in petition.turns if turn.speaker is Speaker.CALLER]


def _forms(petition: Petition) -> set[str]:
    """Return the sources that are filled forms: what was written into them is title and content, the rest is print."""
    fields = (petition.name, petition.uscc, petition.address, petition.contact, petition.phone)
    return {field.span.source for field in fields if field is not None and field.how == "form"}


def _own_names(petition: Petition) -> list[str]:
    """Return the enterprise's name and address: words inside them say nothing of the matter."""
    return [
        field.value
        for field in (petition.name, petition.address)
        if field is not None and _SHORTEST_NAME <= len(field.value) <= _LONGEST_NAME
    ]


@dataclass(frozen=True, slots=True, eq=False)  # itself alone, like the rule book
class Words:
    """What a rule book knows of words: all its lists, and of each list that speaks for a department how much a single mention weighs."""

    lexicon: Lexicon
    weights: Mapping[str, float]


@lru_cache(maxsize=8)
def words_of(rulebook: RuleBook) -> Words:
    """Return what *rulebook* knows of words; kept, for it takes some 10 ms to make."""
    names = (
        WordList(name=f"{_NAMES}{department.id}", words=(department.name, *department.aliases))
        for department in rulebook.district.departments.values()
    )
    return Words(Lexicon((*rulebook.lists.values(), *names), homophones=rulebook.homophones), _weights(rulebook.rules.values()))


def _weights(rules: Iterable[Rule]) -> dict[str, float]:
    """Return the weight of each list that routes by itself, the highest where several rules do it."""
    weights: dict[str, float] = {}
    for rule in rules:
        conditions = leaves(rule.when)
        if rule.then.route is not None and len(conditions) == 1 and isinstance(conditions[0], Mention):
            words = conditions[0].words
            weights[words] = max(weights.get(words, 0.0), rule.then.weight)
    return weights


# ---------------------------------------------------------------- the anchor


def anchor_of(petition: Petition, rulebook: RuleBook, now: datetime) -> FactDict:
    """Return the fact of the petition itself, as it came in at *now* (aware)."""
    day = now.astimezone(ZoneInfo(rulebook.district.timezone)).date()
    anchor: FactDict = {"id": "case", "k": "case", "channel": petition.channel.value, "day": int(f"{day:%Y%m%d}")}
    for field in FIELDS:
        value = getattr(petition, field)
        text = value if isinstance(value, str) else value.value if value is not None else ""
        anchor[f"has_{field}"] = bool(text.strip())
    anchor["title_length"] = len(petition.title.strip())
    anchor["content_length"] = len(petition.content.strip())
    if petition.uscc_valid is not None:
        anchor["uscc_valid"] = petition.uscc_valid
    if petition.letter.automatic is not None:
        anchor["automatic"] = petition.letter.automatic.kind
    found = petition.letter.authentication
    if found is not None and (found.is_confirmed or found.is_refuted):
        anchor["authentication"] = "refuted" if found.is_refuted else "confirmed"
    return anchor


def senders_of(petition: Petition, rulebook: RuleBook) -> Iterator[FactDict]:
    """Yield a fact for each question about the sender that the mail's address answers with yes."""
    address = petition.letter.sender.address.casefold() if petition.letter.sender else ""
    domain = address.rpartition("@")[2]
    for number, question in enumerate(rulebook.senders):
        if any(one in {address, domain} or domain.endswith(f".{one}") for one in question.senders):
            yield {"id": f"s{number}", "k": "sender", "list": question.key}


# ---------------------------------------------------------------- words

_Proven = tuple[FactDict, Sequence[Match]]


def _quote(match: Match) -> Quote:
    text = match.text.text[match.start : match.end]
    return Quote(source=match.text.source, start=match.start, end=match.end, text=text, words=match.words)


def _mentions(matches: Iterable[Match]) -> tuple[list[_Proven], int]:
    """Return one fact for each list, place, sentence and negation, and how many more there would have been than may be passed on."""
    groups: dict[tuple[str, str, int, bool], list[Match]] = {}
    for match in matches:
        groups.setdefault((match.words, match.text.where, match.sentence, match.negated), []).append(match)
    found: list[_Proven] = []
    for number, ((words, where, sentence, negated), proof) in enumerate(groups.items()):
        if number == MOST_MENTIONS:
            break
        fact: FactDict = {"id": f"m{number}", "k": "mention", "list": words, "where": where, "sentence": sentence, "negated": negated}
        found.append((fact, sorted(proof, key=lambda match: (match.low, match.low - match.high))))
    return found, max(len(groups) - MOST_MENTIONS, 0)


def _in_scope(matches: Iterable[Match], scope: Scope) -> list[Match]:
    return [match for match in matches if scope.holds(match.text.where, match.negated)]


def _by_list(matches: Iterable[Match]) -> dict[str, list[Match]]:
    groups: dict[str, list[Match]] = {}
    for match in matches:
        groups.setdefault(match.words, []).append(match)
    return groups


def _counts(matches: Sequence[Match], asked: Iterable[CountAsked]) -> Iterator[_Proven]:
    """Yield how many different words stand there, where there are any; a word inside a longer one of the same list does not count."""
    groups = _by_list(matches)
    for number, question in enumerate(asked):
        if question.words not in groups:
            continue
        first: dict[str, Match] = {}
        for match in _outermost(_in_scope(groups[question.words], question.scope)):
            first.setdefault(match.word, match)
        if first:
            yield {"id": f"k{number}", "k": "count", "list": question.key, "words": len(first)}, list(first.values())


def _outermost(matches: Sequence[Match]) -> Iterator[Match]:
    """Yield those of *matches* (in order of place, longer ones first) that lie in no earlier one of the same text."""
    text: Text | None = None
    end = 0
    for match in matches:
        if match.text is not text:
            text, end = match.text, 0
        if match.high > end:
            yield match
            end = match.high


def _nears(matches: Sequence[Match], asked: Iterable[NearAsked]) -> Iterator[_Proven]:
    groups = _by_list(matches)
    for number, question in enumerate(asked):
        if question.words not in groups or question.other not in groups:
            continue
        nearest = _nearest(_in_scope(groups[question.words], question.scope), groups[question.other], question.within)
        if nearest is not None:
            distance, one, other = nearest
            yield {"id": f"n{number}", "k": "near", "list": question.key, "other": question.other, "distance": distance}, (one, other)


def _nearest(ones: Iterable[Match], others: Sequence[Match], within: int) -> tuple[int, Match, Match] | None:
    """Return the first pair of least distance, at most *within* code points, in one text; a word is not its own partner."""
    by_text: dict[int, list[Match]] = {}
    for other in others:
        by_text.setdefault(id(other.text), []).append(other)
    best: tuple[int, Match, Match] | None = None
    for one in ones:
        row = by_text.get(id(one.text), [])
        bound = within if best is None else best[0] - 1  # only a nearer pair is wanted
        for at in range(bisect.bisect_left(row, one.low - bound - _WIDEST, key=_low), len(row)):
            other = row[at]
            if other.low > one.high + bound:
                break
            distance = max(other.low - one.high, one.low - other.high, 0)
            if distance <= bound and (other.low, other.high) != (one.low, one.high):
                best, bound = (distance, one, other), distance - 1
        if best is not None and best[0] == 0:
            break
    return best


def _low(match: Match) -> int:
    return match.low


_WIDEST = 64  # code points of the longest word a list may hold


# ---------------------------------------------------------------- candidates


def _profile(matches: Iterable[Match], weights: Mapping[str, float]) -> dict[str, float]:
    """Return what title and content are about: each list that speaks for a department, with its weight, more where the title has it."""
    profile: dict[str, float] = {}
    for match in matches:
        weight = weights.get(match.words, 0.0) * {"title": _TITLE, "content": 1.0, "caller": 1.0}.get(match.text.where, 0.0)
        if weight > profile.get(match.words, 0.0):
            profile[match.words] = weight
    return profile


def matters_of(petition: Petition, rulebook: RuleBook) -> dict[str, float]:
    """Return what *petition* is about: each list that speaks for a department, with the weight it has there."""
    words = words_of(rulebook)
    found = words.lexicon.find(texts_of(petition)[0], silent=_own_names(petition))[:MOST_MATCHES]
    return _profile((match for match in found if not match.words.startswith(_NAMES)), words.weights)


def _likeness(candidate: Candidate, petition: Petition, profile: Mapping[str, float], words: Words) -> float:
    by_matter = shared_matters(profile, _profile_of(words, candidate.name, candidate.title, candidate.content[:_COMPARED]))
    names = candidate.name, petition.name.value if petition.name else ""
    by_wording = shared_wording(
        without_names(f"{candidate.title}\n{candidate.content}", names), without_names(f"{petition.title}\n{petition.content}", names)
    )
    return max(by_matter, by_wording)


@lru_cache(maxsize=1_000)  # an earlier case is compared with many that follow
def _profile_of(words: Words, name: str, title: str, content: str) -> Mapping[str, float]:
    """Return what an earlier case is about, its enterprise being *name*."""
    matches = words.lexicon.find(texts_compared(title, content), silent=[name] if len(name) >= _SHORTEST_NAME else ())
    return _profile(matches, words.weights)


def texts_compared(title: str, content: str) -> list[Text]:
    """Return what of an earlier case of this *title* and *content* is searched."""
    return [Text("title", "title", title), Text("content", "content", content[:_COMPARED])]


def _comparison(candidate: Candidate, petition: Petition, alike: float, now: datetime) -> FactDict:
    told, named = named_in(f"{petition.title}\n{petition.content}"), named_in(f"{candidate.title}\n{candidate.content}")
    return {
        **{f"same_{key}": True for key in candidate.keys},
        "likeness": round(alike, 4),
        "days": max((now - candidate.received_at).days, 0),
        "enterprise": enterprise(petition, candidate),
        "details": details(told, named),
    }


def _as_facts(candidate: Candidate, comparison: FactDict) -> Iterator[FactDict]:
    """Yield the fact of the case, and that of the record of another platform: a case that such a record opened has both."""
    if candidate.case_id is not None and candidate.verdict is not None:
        origin = "platform" if candidate.elsewhere else "ours"
        yield {"id": f"p{candidate.case_id}", "k": "candidate", **comparison, "verdict": candidate.verdict.value, "origin": origin}
    if candidate.elsewhere is not None:
        yield {"id": f"e{candidate.elsewhere.record_id}", "k": "elsewhere", **comparison, "status": candidate.elsewhere.status.value}


def _by_worth(candidates: Iterable[FactDict]) -> list[FactDict]:
    """Return *candidates* in the order in which a rule should take them.

    By thread or number first, then those that name the same, then the most alike, then the latest.
    """

    def worth(fact: FactDict) -> tuple[bool, bool, bool, float, int]:
        return (
            "same_number" not in fact,
            "same_thread" not in fact,
            fact["details"] != "shared",
            -float(str(fact["likeness"])),
            int(str(fact["days"])),
        )

    return sorted(candidates, key=worth)
