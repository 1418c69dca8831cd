"""A pack that uses the whole language, changed by chance, and petitions made of its words: what the reach of a change is tried on."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import yaml

from rules.rulebook import RuleBook, load_files
from store.errors import ConfigError
from store.model.arrival import Channel
from store.model.case import CaseState
from store.model.decision import Verdict
from store.model.letter import Address, Automatic
from store.model.matching import Candidate, Elsewhere, PlatformStatus
from store.model.petition import Petition, Speaker, Turn
from tests.decisions.material import found, petition

Trees: TypeAlias = dict[str, Any]  # file name → what stands in it

NOW = datetime(2024, 10, 10, 2, tzinfo=UTC)
_TEXTS = {
    "pack.yaml": """
district: {id: small, name: 小区, programme: 接诉, document: 文件一号, coordinator: 服务局, timezone: Asia/Shanghai}
case_number: "S-{year}-{seq:03d}"
routing: {margin: 1, accompany_share: 0.6}
supplements: {请求: 希望怎样解决, 事实: 事情的经过}
""",
    "departments.yaml": """
- {id: water, name: 水务局, duty: 供水, aliases: [自来水办]}
- {id: power, name: 电力局, duty: 供电}
- {id: law, name: 司法局, duty: 法律服务}
- {id: market, name: 市场局, duty: 执照}
""",
    "grounds.yaml": """
- {number: 2, article: 二2, text: 民事纠纷；, advice: 请协商或起诉。}
- {number: 3, article: 二3, text: 已进入程序；, advice: 请向办案机关了解。}
""",
    "homophones.yaml": "营业执照: [营业直照]\n水压: [水鸭]\n",
    "lists/words.yaml": """
否定词: [没有, 未]
停水: {words: [[停水, 断水], 水压低], except: [停水公告]}
停电: [停电, 跳闸]
电费: [电费, 二次加价]
执照: [营业执照, 换证]
法院: {words: [法院, 起诉], except: [法院路]}
部门: [窗口, 政府部门]
货款: [货款, 合同]
广告: [培训, 优惠价]
催办: [上次, 再次反映]
空话: [高度重视]
""",
    "rules/10_admission.yaml": """
- {rule: 广告, basis: policy, when: {all: [{mention: 广告, at_least: 2}]}, then: {not_a_case: 广告}}
- {rule: 回执, basis: policy, when: {all: [{letter: automatic}]}, then: {not_a_case: 回执, final: true}}
- {rule: 追问, basis: policy, when: {all: [{mention: 催办}, {candidate: {same: [phone, thread], within_days: 90}}]}, then: {follow_up: true}}
- {rule: 像, basis: policy, when: {all: [{candidate: {likeness_at_least: 0.6}}]}, then: {duplicate: true, urgent: true, review: 像从前的一件}}
- {rule: 在诉讼, basis: policy, when: {all: [{mention: 法院, near: 货款, within: 12}]}, then: {conclude: [诉讼]}}
- {rule: 求部门, basis: policy, when: {any: [{mention: 部门, in: [content]}, {mention: 执照, negated: any}]}, then: {conclude: [对部门]}}
- {rule: 诉讼中, basis: 二3, when: {all: [{concluded: 诉讼}], none: [{concluded: 对部门}]}, then: {refuse: 3}}
- {rule: 纠纷, basis: 二2, when: {all: [{mention: 货款}], none: [{concluded: 对部门}]}, then: {refuse: 2, final: true, advice: law}}
- {rule: 空, basis: policy, when: {any: [{mention: 空话}, {field: content, shorter_than: 6}]}, then: {supplement: [请求]}}
- {rule: 有码, basis: policy, when: {all: [{field: uscc, is: valid}, {mention: 空话}]}, then: {review: 看看}, overrides: [空]}
- {rule: 别处有, basis: policy, when: {all: [{elsewhere: {same: [phone, name], status: [accepted, closed]}}]}, then: {duplicate: true}}
- {rule: 别处办着, basis: 二3, when: {all: [{elsewhere: {likeness_at_least: 0.4, within_days: 90}}, {mention: 执照}]}, then: {refuse: 3}}
""",
    "rules/20_routing.yaml": """
- {rule: 水, basis: policy, when: {all: [{mention: 停水}]}, then: {route: water, weight: 3}}
- {rule: 水标题, basis: policy, when: {all: [{mention: 停水, in: [title]}]}, then: {route: water, weight: 1}}
- {rule: 电, basis: policy, when: {all: [{mention: 停电}]}, then: {route: power, weight: 3}}
- {rule: 电费, basis: policy, when: {all: [{mention: 电费, same_sentence: 部门}]}, then: {route: market, weight: 2}}
- {rule: 照, basis: policy, when: {all: [{mention: 执照}], none: [{mention: 停电}]}, then: {route: market, weight: 3, accompany: [law]}}
- {rule: 没照, basis: policy, when: {all: [{mention: 执照, negated: true}]}, then: {urgent: true}}
- {rule: 诉讼陪, basis: policy, when: {all: [{concluded: 诉讼}, {concluded: 对部门}]}, then: {accompany: [law], conclude: [两头]}}
- {rule: 两头看, basis: policy, when: {all: [{concluded: 两头}]}, then: {review: 两头都在}}
- {rule: 水电都停, basis: policy, when: {all: [{mention: 停水}, {mention: 停电}]}, then: {level: 重大, classes: [全局工作, 共性需求]}}
- {rule: 电费小事, basis: policy, when: {all: [{mention: 电费}]}, then: {level: 一般, classes: [个性诉求]}}
- {rule: 公函, basis: policy, when: {all: [{sender: [gov.cn]}]}, then: {route: law, weight: 1}}
- {rule: 窗口来, basis: policy, when: {all: [{channel: [window]}, {field: phone, is: missing}]}, then: {supplement: [事实]}}
- {rule: 当年, basis: policy, from: 2024-01-01, until: 2024-12-31, when: {all: [{mention: 停水}, {mention: 停电}]}, then: {route: power, weight: 3}}
""",
}
_FILLING = (
    "我公司",
    "厂房",
    "已经三天",
    "，",
    "。",
    "请尽快处理",
    "\n",
    "没有",
    "未",
    "公告",
    "路",
    "自来水办",
    "电力局",
    "营业直照",
    "水鸭低",
    "12345",
)
_LISTS, _RULES = "lists/words.yaml", ("rules/10_admission.yaml", "rules/20_routing.yaml")


def trees() -> Trees:
    """Return the pack to begin with."""
    return {name: yaml.safe_load(text) for name, text in _TEXTS.items()}


def book(files: Trees) -> RuleBook:
    """Load the pack; raises ConfigError where it is none."""
    texts = {name: yaml.dump(tree, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False) for name, tree in files.items()}
    return load_files("x", {name: text.encode() for name, text in texts.items()})


def changed(dice: random.Random, files: Trees, times: int) -> tuple[Trees, RuleBook]:
    """Return another pack, *times* changes away from *files*, such as loads."""
    made = book(files)
    for _ in range(times):
        files, made = next(found_ for _ in range(200) if (found_ := _changed_once(dice, files)))
    return files, made


def _changed_once(dice: random.Random, files: Trees) -> tuple[Trees, RuleBook] | None:
    other = copy.deepcopy(files)
    dice.choice(_EDITS)(dice, other)
    try:
        return other, book(other)
    except ConfigError:
        return None


# ---------------------------------------------------------------- changes


def _words(dice: random.Random, files: Trees) -> dict[str, Any]:
    """Return one list as a table."""
    lists = files[_LISTS]
    name = dice.choice(list(lists))
    if isinstance(lists[name], list):
        lists[name] = {"words": lists[name]}
    found_: dict[str, Any] = lists[name]
    return found_


def _any_word(dice: random.Random, files: Trees) -> str:
    return dice.choice(list(_all_words(files[_LISTS])))


def _all_words(lists: Mapping[str, Any]) -> Iterable[str]:
    for entry in lists.values():
        words = entry if isinstance(entry, list) else (*entry["words"], *entry.get("except", ()))
        for word in words:
            yield from [word] if isinstance(word, str) else word


def _add_word(dice: random.Random, files: Trees) -> None:
    _words(dice, files)["words"].append(dice.choice((_any_word(dice, files), *(text for text in _FILLING if len(text) > 1))).strip())


def _drop_word(dice: random.Random, files: Trees) -> None:
    words = _words(dice, files)["words"]
    words.pop(dice.randrange(len(words)))


def _add_exception(dice: random.Random, files: Trees) -> None:
    entry = _words(dice, files)
    word = dice.choice([word for word in entry["words"] if isinstance(word, str)] or ["停水"])
    entry.setdefault("except", []).append(word + dice.choice(("路", "公告", "我公司")))


def _change_homophones(dice: random.Random, files: Trees) -> None:
    files["homophones.yaml"] = {_any_word(dice, files): [dice.choice(("水鸭低", "营业直照", "货宽"))]}


def _change_departments(dice: random.Random, files: Trees) -> None:
    departments = files["departments.yaml"]
    if dice.random() < 0.3:
        dice.shuffle(departments)
    else:
        dice.choice(departments)["aliases"] = [dice.choice(("供水办", "厂房", "电力局所", "窗口"))]


def _change_pack(dice: random.Random, files: Trees) -> None:
    pack = files["pack.yaml"]
    match dice.randrange(4):
        case 0:
            pack["routing"] = {"margin": dice.choice((0, 1, 3)), "accompany_share": dice.choice((0.2, 0.6, 1))}
        case 1:
            pack["district"]["timezone"] = dice.choice(("Asia/Urumqi", "Pacific/Auckland"))
        case 2:
            pack["supplements"]["请求"] = "您希望怎样解决"
        case 3:
            pack["case_number"] = "T-{year}-{seq:03d}"


def _rule(dice: random.Random, files: Trees) -> dict[str, Any]:
    rule: dict[str, Any] = dice.choice(files[dice.choice(_RULES)])
    return rule


def _drop_rule(dice: random.Random, files: Trees) -> None:
    rules = files[dice.choice(_RULES)]
    rules.pop(dice.randrange(len(rules)))


def _move_rule(dice: random.Random, files: Trees) -> None:
    rules = files[dice.choice(_RULES)]
    rules.insert(dice.randrange(len(rules)), rules.pop(dice.randrange(len(rules))))


def _copy_rule(dice: random.Random, files: Trees) -> None:
    rule = {**copy.deepcopy(_rule(dice, files)), "rule": f"新{dice.randrange(1_000)}"}
    rule["when"] = copy.deepcopy(_rule(dice, files)["when"])
    files[dice.choice(_RULES)].append(rule)


def _change_condition(dice: random.Random, files: Trees) -> None:
    when = _rule(dice, files)["when"]
    leaf = copy.deepcopy(dice.choice(next(iter((_rule(dice, files)["when"] or {"all": [{"mention": "电费"}]}).values()))))
    when.setdefault(dice.choice(("all", "any", "none")), []).append(leaf)


def _drop_condition(dice: random.Random, files: Trees) -> None:
    when = _rule(dice, files)["when"]
    when.pop(dice.choice(list(when)), None)


def _change_effect(dice: random.Random, files: Trees) -> None:
    rule = _rule(dice, files)
    if "route" in rule["then"] and dice.random() < 0.6:
        rule["then"] |= {"route": dice.choice(("water", "power", "law", "market")), "weight": dice.choice((1, 2, 3, 4))}
    elif dice.random() < 0.4:
        rule["then"].update(copy.deepcopy(dice.choice(_EXTRAS)))
    else:
        rule["then"] = copy.deepcopy(_rule(dice, files)["then"])


def _change_exception(dice: random.Random, files: Trees) -> None:
    _rule(dice, files)["overrides"] = [_rule(dice, files)["rule"]]


def _change_dates(dice: random.Random, files: Trees) -> None:
    _rule(dice, files)["from"] = NOW.date() + timedelta(days=dice.randint(-1, 1))


def _change_words_about(dice: random.Random, files: Trees) -> None:
    _rule(dice, files)["about"] = f"说明{dice.randrange(100)}"


_EXTRAS: tuple[dict[str, Any], ...] = (
    {"level": "重点"},
    {"level": "复杂", "classes": ["部门任务"]},
    {"classes": ["政策措施", "个性诉求"]},
    {"refuse": 2, "advice": "water"},
    {"duplicate": True},
    {"urgent": True},
)
_Edit: TypeAlias = Callable[[random.Random, Trees], None]
_EDITS: tuple[_Edit, ...] = (
    _add_word,
    _drop_word,
    _add_exception,
    _change_homophones,
    _change_departments,
    _change_pack,
    _drop_rule,
    _move_rule,
    _copy_rule,
    _change_condition,
    _drop_condition,
    _change_effect,
    _change_exception,
    _change_dates,
    _change_words_about,
)


# ---------------------------------------------------------------- petitions


def random_petition(dice: random.Random) -> Petition:
    """Return a petition of a few words of the pack, sometimes a mail, sometimes with fields."""
    channel = dice.choice((Channel.LETTER, Channel.MAIL, Channel.WINDOW))
    made = petition(_text(dice, 2), _text(dice, dice.choice((1, 4, 10))), channel=channel)
    if dice.random() < 0.3:
        made = replace(made, uscc=found("91530100MA6K"), uscc_valid=dice.random() < 0.7)
    if dice.random() < 0.5:
        made = replace(made, phone=found("13800000001"))
    if dice.random() < 0.2:
        made = replace(made, attachment_texts={"说明.txt": _text(dice, 5)})
    if dice.random() < 0.1:
        speakers = (Speaker.CALLER, Speaker.AGENT)
        made = replace(
            made, turns=tuple(Turn(number=place, speaker=speakers[place % 2], at_s=None, text=_text(dice, 4)) for place in range(4))
        )
    letter = made.letter
    if dice.random() < 0.3:
        letter = replace(letter, sender=Address(name=_text(dice, 1), address=dice.choice(("a@x.gov.cn", "a@example.cn"))))
    if dice.random() < 0.1:
        letter = replace(letter, automatic=Automatic(kind="auto-reply", evidence="header"))
    return replace(made, letter=letter)


def random_candidates(dice: random.Random, counts: Sequence[int] = (0, 0, 1, 2, 3)) -> tuple[Candidate, ...]:
    """Return as many earlier reports as one of *counts*: cases of ours, records of another platform, and cases that such a record opened."""
    return tuple(_candidate(dice, number + 1) for number in range(dice.choice(counts)))


def _candidate(dice: random.Random, number: int) -> Candidate:
    kind = dice.choice(("case", "case", "record", "both"))
    status = dice.choice(tuple(PlatformStatus))
    return Candidate(
        case_id=None if kind == "record" else number,
        number=f"S-2024-{number:03d}",
        keys=tuple(dice.sample(("thread", "phone", "name"), dice.randint(1, 2))),
        state=None if kind == "record" else CaseState.ASSIGNED,
        verdict=None if kind == "record" else dice.choice((Verdict.ACCEPT, Verdict.SUPPLEMENT)),
        name="",
        title=_text(dice, 2),
        content=_text(dice, 5),
        received_at=NOW - timedelta(days=dice.choice((0, 10, 100))),
        elsewhere=None
        if kind == "case"
        else Elsewhere(record_id=10 + number, platform="p", number=f"P{number}", status=status, words="办理中", since=NOW),
    )


_SPOKEN = tuple(_all_words(yaml.safe_load(_TEXTS[_LISTS])))


def _text(dice: random.Random, length: int) -> str:
    return "".join(dice.choice(_SPOKEN if dice.random() < 0.35 else _FILLING) for _ in range(length))
