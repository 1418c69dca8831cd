"""The JSON Schema of rule files and word lists, for editors that complete and underline while one types, and the reference page.

Keys come from `rules.syntax` and `rules.language`; what they mean stands in `MEANINGS`, and a test holds that every key has its meaning.
The schema says what may stand where; what it cannot say (a name that exists, two keys that exclude each other) the load says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from rules import syntax
from rules.language import (
    AUTHENTICATION_KINDS,
    AUTOMATIC_KINDS,
    CANDIDATE_KEYS,
    CASE_VERDICTS,
    CLASSES,
    DETAILS,
    ENTERPRISES,
    FIELDS,
    LEVELS,
    ORIGINS,
    PLACES,
    PLATFORM_STATUSES,
    POLICY,
)
from rules.rulebook import RuleBook
from store.model.arrival import Channel

Json = dict[str, Any]

MEANINGS: Mapping[str, Mapping[str, str]] = {
    "规则": {
        "rule": "名称，全包不得重复",
        "about": "一句话说明，通知和列表里用它称呼这件事",
        "basis": "依据的条款，或 policy（本区规则包设定），或 {document: 文件名, article: 条款号}",
        "from": "施行的第一天，如 2025-07-01；按来件当天判断",
        "until": "施行的最后一天",
        "when": "条件：all 都要成立，any 有一个就行，none 一个都不能成立",
        "then": "效果",
        "overrides": "成立时使哪些规则不作数",
        "examples": "例子：hit 必须成立，near_miss 必须不成立",
    },
    "条件": {
        "all": "都要成立",
        "any": "有一个成立就行",
        "none": "一个都不能成立",
        "mention": "提到这个词表里的词",
        "in": "只看这些地方；不写时看标题、正文、来电人的话、附件",
        "negated": "true 只要被否定的，any 不论，false（不写）只要没被否定的",
        "same_sentence": "同一句里还有另一词表的词",
        "near": "within 字以内有另一词表的词",
        "within": "与 near 同写：多少字以内",
        "at_least": "词表里至少有几个不同的词",
        "field": "栏目",
        "is": "present 有，missing 没有；uscc 还可以写 valid、invalid",
        "shorter_than": "少于多少字（title、content）",
        "longer_than": "多于多少字（title、content）",
        "channel": "来自这些渠道",
        "letter": "automatic 自动邮件，或 {automatic: [种类]}；{authentication: [检验结果]} 收信服务器对发件人的检验",
        "sender": "邮件发自这些域名（含下级域名）或地址",
        "received": "在这些天收到：{from: 2025-01-01, until: 2025-03-31}",
        "candidate": "有以前的一件：same 相同的比对项，enterprise 企业异同，details 编号、金额、地点异同，likeness_at_least 相似度，within_days 天数，verdict 结论，origin 来处",
        "elsewhere": "其他平台有一条记录：同 candidate，但没有 verdict、origin，而有 status（在那个平台的状态）",
        "concluded": "另一条规则认定了这个结论",
    },
    "效果": {
        "conclude": "认定结论，供别的规则用",
        "not_a_case": "不是诉求；写明是哪一类来件",
        "final": "直接生效，不须人工确认",
        "follow_up": "是续件，归入 candidate 找到的那一件",
        "duplicate": "与 candidate 或 elsewhere 找到的那一件重复",
        "supplement": "请企业补正的各项",
        "refuse": "按这一种情形不予受理",
        "advice": "告知企业可以转向的部门",
        "route": "给这个部门加分量",
        "weight": "加多少，不写时为 1",
        "accompany": "建议这些部门陪诊",
        "topic": "这件事的名称",
        "level": "级别；几条规则都写时取最重的",
        "classes": "分类；每对只能写一个",
        "urgent": "加急",
        "review": "提请人工查看，写明为什么",
    },
}


def rules_schema(book: RuleBook | None = None) -> Json:
    """Return the schema of a file under rules/; with *book* the names of its lists, departments and articles are offered too."""
    rule = _table({key: MEANINGS["规则"][key] for key in syntax.RULE_KEYS}, _rule_values(book), ("rule", "basis", "when", "then"))
    inner: Json = {"$ref": "#/$defs/conditions"}
    groups = _table({key: MEANINGS["条件"][key] for key in syntax.GROUPS}, dict.fromkeys(syntax.GROUPS, inner))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "坐诊规则文件 rules/*.yaml",
        "type": "array",
        "items": rule,
        "$defs": {
            "groups": {**groups, "minProperties": 1},
            "conditions": {"type": "array", "minItems": 1, "items": {"anyOf": [{"$ref": "#/$defs/groups"}, *_leaves(book)]}},
            "effects": {**_table(MEANINGS["效果"], _effect_values(book)), "minProperties": 1},
        },
    }


def lists_schema() -> Json:
    """Return the schema of a file under lists/."""
    words = {"type": "array", "minItems": 1, "items": {"anyOf": [_TEXT, {"type": "array", "minItems": 2, "items": _TEXT}]}}
    whole = _table(
        {"words": "词；套一层方括号的是同义词", "except": "例外：包含某个词的更长说法"},
        {"words": words, "except": _many(_TEXT)},
        ("words",),
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "坐诊词表文件 lists/*.yaml",
        "type": "object",
        "additionalProperties": {"anyOf": [words, whole]},
    }


def reference_page() -> str:
    """Return the reference page of the language, docs/reference/规则语言.md."""
    parts = ["# 规则语言速查", "", "由程序生成（`make reference`），与程序所认的一致。准确含义和例子见 [规则文件.md](../规则文件.md)。"]
    for title, meanings in MEANINGS.items():
        parts += ["", f"## {title}", "", "| 键 | 含义 |", "|---|---|", *(f"| `{key}` | {meaning} |" for key, meaning in meanings.items())]
    values = {
        "in": PLACES,
        "field": FIELDS,
        "channel": [channel.value for channel in Channel],
        "letter.automatic": AUTOMATIC_KINDS,
        "letter.authentication": AUTHENTICATION_KINDS,
        "candidate.same": CANDIDATE_KEYS,
        "candidate.enterprise": ENTERPRISES,
        "candidate.details": DETAILS,
        "candidate.verdict": CASE_VERDICTS,
        "candidate.origin": ORIGINS,
        "elsewhere.status": PLATFORM_STATUSES,
        "level": LEVELS,
        "classes": [name for pair in CLASSES for name in pair],
    }
    parts += ["", "## 可以写的值", "", "| 键 | 值 |", "|---|---|"]
    parts += [f"| `{key}` | {'、'.join(f'`{value}`' for value in known)} |" for key, known in values.items()]
    return "\n".join(parts) + "\n"


# ---------------------------------------------------------------- values

_TEXT: Json = {"type": ["string", "number", "boolean"]}  # words need no quotes: an editor reads 12345 as a number, the product as a text
_DAY: Json = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_TRUE: Json = {"const": True}


def _table(meanings: Mapping[str, str], values: Mapping[str, Json], required: Collection[str] = ()) -> Json:
    properties = {key: {**values.get(key, _TEXT), "description": meaning} for key, meaning in meanings.items()}
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}


def _one_of(known: Collection[object]) -> Json:
    return {"enum": list(known)}


def _many(one: Json) -> Json:
    return {"anyOf": [one, {"type": "array", "minItems": 1, "items": one}]}


def _named(known: Collection[str] | None) -> Json:
    return _one_of(known) if known else _TEXT


def _rule_values(book: RuleBook | None) -> dict[str, Json]:
    cited = {"type": "object", "properties": {"document": _TEXT, "article": _TEXT}, "required": ["document", "article"]}
    articles = [POLICY, *_articles(book)] if book else None
    return {
        "basis": {"anyOf": [_named(articles), cited]},
        "from": _DAY,
        "until": _DAY,
        "when": {"$ref": "#/$defs/groups"},
        "then": {"$ref": "#/$defs/effects"},
        "overrides": _many(_named(book.rules if book else None)),
        "examples": {"type": "object"},
    }


def _articles(book: RuleBook) -> list[str]:
    return list(dict.fromkeys((*(ground.article for ground in book.district.grounds.values()), *book.settings.articles)))


def _leaves(book: RuleBook | None) -> list[Json]:
    lists = _named(book.lists if book else None)
    days = {"type": "object", "additionalProperties": False, "minProperties": 1, "properties": {"from": _DAY, "until": _DAY}}
    compared: dict[str, Json] = {
        "same": _many(_one_of(CANDIDATE_KEYS)),
        "enterprise": _many(_one_of(ENTERPRISES)),
        "details": _many(_one_of(DETAILS)),
        "likeness_at_least": {"type": "number", "minimum": 0, "maximum": 1},
        "within_days": {"type": "integer", "minimum": 0},
    }
    candidate = {**compared, "verdict": _many(_one_of(CASE_VERDICTS)), "origin": _many(_one_of(ORIGINS))}
    elsewhere = {**compared, "status": _many(_one_of(PLATFORM_STATUSES))}
    kinds = {"type": "object", "additionalProperties": False, "properties": {"automatic": _many(_one_of(AUTOMATIC_KINDS))}}
    checked = {"type": "object", "additionalProperties": False, "properties": {"authentication": _many(_one_of(AUTHENTICATION_KINDS))}}
    values: dict[str, Json] = {
        "mention": lists,
        "same_sentence": lists,
        "near": lists,
        "in": _many(_one_of(PLACES)),
        "negated": _one_of((True, False, "any")),
        "within": {"type": "integer", "minimum": 0, "maximum": 1_000},
        "at_least": {"type": "integer", "minimum": 2, "maximum": 100},
        "field": _one_of(FIELDS),
        "is": _one_of(("present", "missing", "valid", "invalid")),
        "shorter_than": {"type": "integer", "minimum": 0},
        "longer_than": {"type": "integer", "minimum": 0},
        "channel": _many(_one_of([channel.value for channel in Channel])),
        "letter": {"anyOf": [{"const": "automatic"}, kinds, {**checked, "required": ["authentication"]}]},
        "sender": _many(_TEXT),
        "received": days,
        "candidate": {"type": "object", "additionalProperties": False, "minProperties": 1, "properties": candidate},
        "elsewhere": {"type": "object", "additionalProperties": False, "minProperties": 1, "properties": elsewhere},
    }
    meanings = MEANINGS["条件"]
    return [_table({key: meanings[key] for key in keys}, values, (first,)) for first, keys in syntax.LEAF_KEYS.items()]


def _effect_values(book: RuleBook | None) -> dict[str, Json]:
    departments = _named(book.district.departments if book else None)
    return {
        "conclude": _many(_TEXT),
        **dict.fromkeys(("final", "follow_up", "duplicate", "urgent"), _TRUE),
        "supplement": _many(_named(book.settings.supplements if book else None)),
        "refuse": _one_of(list(book.district.grounds)) if book else {"type": "integer"},
        "advice": departments,
        "route": departments,
        "weight": {"type": "number", "minimum": 0.1, "maximum": 100},
        "accompany": _many(departments),
        "level": _one_of(LEVELS),
        "classes": _many(_one_of([name for pair in CLASSES for name in pair])),
    }
