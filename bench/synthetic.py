"""Packs of as many rules as asked for, and petitions that mention twenty of their word lists: always the same, all of it invented.

Of 100 rules some 40 ask for one word list, 30 for two, 15 for three, 10 for four, and 5 for one list and the absence of another. Lists
belong together in groups of six, of which rules take theirs and petitions five of four groups, so that rules of several lists come true.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from rules.rulebook import builtin_pack, load_pack
from store.model.arrival import Channel
from store.model.letter import Letter
from store.model.petition import Petition

_GROUP, _WORDS = 6, 6
_MENTIONED_GROUPS, _MENTIONED_IN_GROUP = 4, 5
_SHARES = {1: 40, 2: 30, 3: 15, 4: 10, 0: 5}  # lists a rule asks for; 0 stands for one list without another
_HAN = "".join(chr(code) for code in range(0x4E00, 0x9FA5, 7))  # rare ones too: no word is part of another by chance
_FILLING = "我们多次到窗口询问，工作人员每次的说法都不一样，至今没有人给出书面的答复"


def write_pack(folder: Path, rules: int) -> None:
    """Write a pack of *rules* rules into the empty *folder*: departments and grounds of 呈贡, everything else invented."""
    dice = random.Random(rules)
    real = builtin_pack("chenggong")
    for name in ("pack.yaml", "departments.yaml", "grounds.yaml"):
        shutil.copy(real / name, folder / name)
    departments = list(load_pack(real).district.departments)
    for name in ("lists", "rules"):
        (folder / name).mkdir()
    words = _lists(rules)
    lists = [f"{name}: {{words: [{', '.join(some)}]}}" for name, some in words.items()]
    (folder / "lists" / "words.yaml").write_text("\n".join(lists), encoding="utf-8")
    written = [_rule(number, dice, len(words) // _GROUP, dice.choice(departments)) for number in range(rules)]
    (folder / "rules" / "rules.yaml").write_text("\n".join(written), encoding="utf-8")


def petitions(rules: int, count: int) -> list[Petition]:
    """Return *count* petitions, each with words of twenty lists of the pack of *rules* rules."""
    dice = random.Random(count)
    words = _lists(rules)
    return [_petition(dice, words) for _ in range(count)]


def _lists(rules: int) -> dict[str, list[str]]:
    dice = random.Random(1)
    count = max(_GROUP * _MENTIONED_GROUPS, rules * 3 // 5 // _GROUP * _GROUP)
    return {f"词表{number}": ["".join(dice.choices(_HAN, k=3)) for _ in range(_WORDS)] for number in range(count)}


def _rule(number: int, dice: random.Random, groups: int, department: str) -> str:
    group = dice.randrange(groups)
    names = dice.sample([f"词表{group * _GROUP + place}" for place in range(_GROUP)], _GROUP)
    asked = dice.choices(list(_SHARES), list(_SHARES.values()))[0]
    wanted = ", ".join(f"{{mention: {name}}}" for name in names[: asked or 1])
    absent = "" if asked else f", none: [{{mention: {names[1]}}}]"
    then = f"{{route: {department}, weight: {dice.randint(1, 5)}}}"
    return f"- {{rule: 规则{number}, basis: policy, when: {{all: [{wanted}]{absent}}}, then: {then}}}"


def _petition(dice: random.Random, words: dict[str, list[str]]) -> Petition:
    groups = dice.sample(range(len(words) // _GROUP), _MENTIONED_GROUPS)
    places = [group * _GROUP + place for group in groups for place in dice.sample(range(_GROUP), _MENTIONED_IN_GROUP)]
    content = "。".join(f"{_FILLING}，{dice.choice(words[f'词表{place}'])}" for place in places)
    return Petition(channel=Channel.LETTER, title="关于办理事项的情况反映", content=content, letter=Letter(text=content))
