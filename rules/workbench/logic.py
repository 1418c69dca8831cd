"""What follows from what: whether one condition always holds where another does, or never does.

Every answer is sound and none is complete: “yes” is certain, “no” may mean that it could not be seen. That is what a lint wants.
"""

from __future__ import annotations

from dataclasses import replace

from rules.language import CandidateIs, ChannelIs, Condition, FieldIs, FieldLength, Group, Leaf, LetterIs, Mention, Rule


def implies(one: Condition, other: Condition) -> bool:
    """Tell whether *other* surely holds wherever *one* does."""
    if isinstance(other, Group) and _implies_group(one, other):
        return True
    if isinstance(one, Group) and one.kind != "none":
        quantified = any if one.kind == "all" else all
        return quantified(implies(part, other) for part in one.conditions)
    return not isinstance(one, Group) and not isinstance(other, Group) and _leaf_implies(one, other)


def _implies_group(one: Condition, other: Group) -> bool:
    match other.kind:
        case "all":
            return all(implies(one, part) for part in other.conditions)
        case "any":
            return any(implies(one, part) for part in other.conditions)
        case "none":
            return all(excludes(one, part) for part in other.conditions)


def excludes(one: Condition, other: Condition) -> bool:
    """Tell whether *other* surely fails wherever *one* holds."""
    if isinstance(one, Group):
        return _excluded(one, other) if one.kind == "none" else _quantified(one, other)
    if isinstance(other, Group):
        return _excluded(other, one) if other.kind == "none" else _quantified(other, one)
    return _leaf_excludes(one, other)


def _excluded(none: Group, condition: Condition) -> bool:
    return any(implies(condition, part) for part in none.conditions)


def _quantified(group: Group, condition: Condition) -> bool:
    quantified = any if group.kind == "all" else all
    return quantified(excludes(part, condition) for part in group.conditions)


def contradicts_itself(rule: Rule) -> bool:
    """Tell whether the conditions of *rule* surely never hold together."""
    parts = conjuncts(rule.when)
    return any(excludes(one, other) for place, one in enumerate(parts) for other in parts[place + 1 :])


def same(one: Condition, other: Condition) -> bool:
    """Tell whether both say the same, in the same order or not."""
    return implies(one, other) and implies(other, one)


def conjuncts(condition: Condition) -> list[Condition]:
    """Return the conditions all of which must hold."""
    if isinstance(condition, Group) and condition.kind == "all":
        return [inner for part in condition.conditions for inner in conjuncts(part)]
    return [condition]


def bare(leaf: Leaf) -> Leaf:
    """Return *leaf* without its number, so that equal conditions are equal."""
    return replace(leaf, alias="")


def _leaf_implies(one: Leaf, other: Leaf) -> bool:
    match one, other:
        case Mention(), Mention():
            return _mention_implies(one, other)
        case FieldIs(), FieldIs():
            is_there = other.state == "present" and one.state in {"valid", "invalid"}
            return one.field == other.field and (one.state == other.state or is_there)
        case FieldLength(), FieldLength():
            return one.field == other.field and _within(one, other)
        case CandidateIs(), CandidateIs():
            return _candidate_implies(one, other)
    return bare(one) == bare(other) or _is_narrower(one, other)


def _is_narrower(one: Leaf, other: Leaf) -> bool:
    match one, other:
        case ChannelIs(), ChannelIs():
            return set(one.channels) <= set(other.channels)
        case LetterIs(), LetterIs():
            return one.about == other.about and set(one.kinds) <= set(other.kinds)
    return False


def _mention_implies(one: Mention, other: Mention) -> bool:
    wide = set(one.scope.places) <= set(other.scope.places) and other.scope.negated in {"any", one.scope.negated}
    if one.words != other.words or not wide:
        return False
    if other.same_sentence is not None:
        return one.same_sentence == other.same_sentence
    if other.near is not None:
        return one.near == other.near and one.within <= other.within
    if other.at_least > 1:
        return one.at_least >= other.at_least
    return _without_refinement(one) == replace(_without_refinement(other), alias=one.alias, scope=one.scope)


def _without_refinement(leaf: Mention) -> Mention:
    """Return the plain mention inside *leaf*: a refined one implies it. What this module does not know of must be equal."""
    return replace(leaf, same_sentence=None, near=None, within=0, at_least=1)


def _within(one: FieldLength, other: FieldLength) -> bool:
    if other.shorter_than is not None:
        return one.shorter_than is not None and one.shorter_than <= other.shorter_than
    return other.longer_than is None or (one.longer_than is not None and one.longer_than >= other.longer_than)


def _candidate_implies(one: CandidateIs, other: CandidateIs) -> bool:
    shares = not other.same or (bool(one.same) and set(one.same) <= set(other.same))
    alike = other.likeness_at_least is None or (one.likeness_at_least or 0.0) >= other.likeness_at_least
    young = other.within_days is None or (one.within_days is not None and one.within_days <= other.within_days)
    known = dict(one.members)
    among = all(name in known and set(known[name]) <= set(values) for name, values in other.members)
    return one.kind == other.kind and shares and alike and young and among


def _leaf_excludes(one: Leaf, other: Leaf) -> bool:
    match one, other:
        case FieldIs(), FieldIs():
            states = {one.state, other.state}
            return one.field == other.field and (("missing" in states and len(states) > 1) or states == {"valid", "invalid"})
        case FieldLength(), FieldLength():
            return one.field == other.field and (_apart(one, other) or _apart(other, one))
        case ChannelIs(), ChannelIs():
            return not set(one.channels) & set(other.channels)
        case LetterIs(), LetterIs():
            return one.about == other.about and not set(one.kinds) & set(other.kinds)
    return False


def _apart(short: FieldLength, long: FieldLength) -> bool:
    """Tell whether no length is below the bound of *short* and above that of *long*."""
    return short.shorter_than is not None and long.longer_than is not None and short.shorter_than <= long.longer_than + 1
