"""Packs: what a good one becomes, and that a bad one is told of every mistake with file, line, place and remedy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rules.language import CountAsked, NearAsked, Scope
from rules.rulebook import builtin_pack, builtin_packs, load_pack, product_wording
from store.errors import ConfigError

SMALL = Path(__file__).parents[1] / "packs" / "small"
ADMISSION, ROUTING, WORDS = "rules/10_admission.yaml", "rules/20_routing.yaml", "lists/words.yaml"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Return a copy of the small pack, for a test to spoil."""
    return Path(shutil.copytree(SMALL, tmp_path / "small"))


def problems_of(pack: Path) -> list[str]:
    """Return the problems of the pack as printed, none where it loads."""
    try:
        load_pack(pack)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def spoil(pack: Path, file: str, old: str, new: str) -> None:
    """Replace the first *old* in a file of the pack."""
    text = (pack / file).read_text(encoding="utf-8")
    assert old in text
    (pack / file).write_text(text.replace(old, new, 1), encoding="utf-8")


# ---------------------------------------------------------------- good packs


def test_small_pack() -> None:
    """All parts of a pack arrive where the rooms look for them."""
    book = load_pack(SMALL)

    assert (book.district.id, book.district.name, book.district.case_number) == ("small", "示例区", "SL-{year}-{seq:04d}")
    assert book.district.departments["scj"].aliases == ("市场局",)
    assert book.district.grounds[2].article == "二（二）2"
    assert book.district.wording["acknowledge.txt"] == "您好，您的诉求已登记，编号 {{ number }}。\n"
    assert book.lists["法院"].words == ("法院", "起诉")
    assert book.lists["法院"].exceptions == ("法院路",)
    assert book.lists["其他企业"].words == ("供应商", "对方公司")
    assert book.settings.routing.margin == 1.5
    assert book.settings.verification.working_days == 5
    assert book.settings.supplements == {"请求": "请写明希望解决什么问题。"}
    assert book.counts == (CountAsked("广告", Scope()),)
    assert book.nears == (NearAsked("合同纠纷", Scope(), "法院", 30),)


def test_rules_keep_their_order_and_place() -> None:
    """Rules stand in the order of files and lines, and know where they are written."""
    rules = list(load_pack(SMALL).rules.values())

    assert [rule.name for rule in rules[:2]] == ["广告推销", "自动邮件"]
    assert [rule.name for rule in rules[-2:]] == ["归口_市场监管", "归口_劳动"]
    assert rules[1].place == "small/rules/10_admission.yaml:13"
    assert rules[-1].then.accompany == ("scj",)
    assert rules[-2].then.weight == 2.5


def test_a_pack_words_only_what_it_says_otherwise(pack: Path) -> None:
    """What a pack does not word is the product's, which belongs neither to its files nor to its digest."""
    product = product_wording()["assign.txt"]
    book = load_pack(pack)
    assert book.district.wording["assign.txt"] == product
    assert [name for name in book.files if name.startswith("wording/")] == ["wording/acknowledge.txt"]

    (pack / "wording/assign.txt").write_text("请办理。\n", encoding="utf-8")

    assert load_pack(pack).district.wording["assign.txt"] == "请办理。\n"


def test_wording_that_no_notice_takes(pack: Path) -> None:
    """A template misnamed would never be sent; the right name is offered. Parts of the pack's own begin with an underscore."""
    (pack / "wording/_ours.txt").write_text("请办理。\n", encoding="utf-8")
    load_pack(pack)
    (pack / "wording/asign.txt").write_text("请办理。\n", encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        load_pack(pack)

    assert "small/wording/asign.txt: 不认识的文件，不会被读取" in str(caught.value)
    assert "是否想写“assign.txt”？" in str(caught.value)


def test_settings_have_defaults(pack: Path) -> None:
    """What pack.yaml does not set holds as documented."""
    spoil(pack, "pack.yaml", "routing:\n  margin: 1.5\n  accompany_share: 0.5\n", "")
    spoil(pack, "pack.yaml", "deadlines:\n  verification: {working_days: 5, start: booking_close, booking_window_working_days: 10}\n", "")

    settings = load_pack(pack).settings

    assert (settings.routing.margin, settings.routing.accompany_share) == (1.0, 0.6)
    assert (settings.verification.working_days, settings.verification.start) == (5, "booking_close")


def test_digest_names_the_bytes(pack: Path) -> None:
    """The digest follows every byte and every file name, and nothing else: a copy elsewhere has the same."""
    before = load_pack(pack).digest
    assert before == load_pack(SMALL).digest

    spoil(pack, "wording/acknowledge.txt", "您好", "你好")
    changed = load_pack(pack).digest
    (pack / "wording/acknowledge.txt").rename(pack / "wording/forward.txt")

    assert len({before, changed, load_pack(pack).digest}) == 3


def test_digest_ignores_what_is_not_read(pack: Path) -> None:
    """Hidden files, notes and editors' back-ups belong to nobody's rules."""
    for name in (".gitignore", "README.md", "rules/10_admission.yaml~", "lists/.words.yaml.swp"):
        (pack / name).write_text("随便", encoding="utf-8")

    assert load_pack(pack).digest == load_pack(SMALL).digest


@pytest.mark.parametrize("name", builtin_packs())
def test_builtin_packs_load(name: str) -> None:
    """Every pack that comes with the product is without mistakes and is the district it is called after."""
    assert load_pack(builtin_pack(name)).district.id == name


def test_unknown_builtin_pack() -> None:
    """A pack that does not exist is a mistake of configuration, with the nearest name."""
    with pytest.raises(ConfigError, match=r"没有自带的规则包“chengong”（是否想写“chenggong”？）"):
        builtin_pack("chengong")


# ---------------------------------------------------------------- bad packs


def test_a_file_without_end_is_not_read_to_its_end(pack: Path) -> None:
    """Of a file far beyond the limit, sparse here, no more is read than shows that it is too large; nothing else is told because of it."""
    with (pack / WORDS).open("wb") as stream:
        stream.truncate(1 << 40)  # a TiB: whoever reads it whole runs out of memory

    assert problems_of(pack) == [f"small/{WORDS}: 文件超过 2000000 字节（拆成几个文件）"]


# fmt: off - one mistake a line
MISTAKES = [
    # names that nobody gives
    (ADMISSION, "mention: 广告", "mention: 广高", ":5: 0.when.all.0.mention: 没有名为“广高”的词表（是否想写“广告”？）"),
    (ADMISSION, "same_sentence: 其他企业", "same_sentence: 他企", ":31: 3.when.all.0.same_sentence: 没有名为“他企”的词表"),
    (ADMISSION, "near: 法院", "near: 院", ":42: 4.when.all.1.any.0.near: 没有名为“院”的词表"),
    (ADMISSION, "advice: sfj", "advice: sf", ":34: 3.then.advice: 没有名为“sf”的部门编号（是否想写“sfj”？）"),
    (ROUTING, "route: scj", "route: scq", ":4: 0.then.route: 没有名为“scq”的部门编号（是否想写“scj”？）"),
    (ROUTING, "accompany: [scj]", "accompany: [rsj, scq]", ":9: 1.then.accompany.1: 没有名为“scq”的部门编号"),
    (ADMISSION, "refuse: 2", "refuse: 3", ":34: 3.then.refuse: grounds.yaml 里没有情形 3（可以写：1、2）"),
    (ADMISSION, "basis: 二（二）2", "basis: 二（二）3", ":27: 3.basis: 没有条款“二（二）3”（是否想写“二（二）2”？"),
    (ADMISSION, "supplement: 请求", "supplement: 请球", ":55: 5.then.supplement: 没有名为“请球”的补正项（是否想写“请求”？）"),
    (ADMISSION, "concluded: 行政诉求", "concluded: 行政", ":33: 3.when.none.0.concluded: 没有规则得出“行政”（是否想写“行政诉求”？）"),
    (ADMISSION, "[民事纠纷_合同]", "[民事]", ":47: 4.overrides: 没有名为“民事”的规则"),
    (ADMISSION, "[民事纠纷_合同]", "[已在法院]", ":47: 4.overrides: 规则不能覆盖自己"),
    (ADMISSION, "rule: 已在法院", "rule: 太短", ":49: 5: 规则“太短”重复，已在 small/rules/10_admission.yaml:36 写过"),
    # keys and shapes
    (ADMISSION, "at_least: 2", "at_leats: 2", ":6: 0.when.all.0.at_leats: 不认识的键“at_leats”（是否想写“at_least”？）"),
    (ADMISSION, "  basis: policy", "  bases: policy", ":2: 0.bases: 不认识的键“bases”（是否想写“basis”？）"),
    (ADMISSION, "  basis: policy\n", "", ":1: 0: 缺少“basis”"),
    (ADMISSION, "when: {any: [{letter: automatic}]}", "when: {any: []}", ":15: 1.when.any: 列表是空的（条件）"),
    (ADMISSION, "when: {any: [{letter: automatic}]}", "when: {}", ":15: 1.when: 没有条件"),
    (ADMISSION, "when: {any: [{letter: automatic}]}", "when: 总是", ":15: 1.when: 这里应是“键: 值”（可用的键：all、any、none）"),
    (ADMISSION, "{letter: automatic}", "{leter: automatic}", ":15: 1.when.any.0: 这不是一个条件（是否想写“letter”？）"),
    (ADMISSION, "{letter: automatic}", "{letter：automatic}", ":15: 1.when.any.0: 这不是一个条件（“letter”后面用半角冒号，再空一格"),
    (ADMISSION, "{letter: automatic}", "{letter:automatic}", ":15: 1.when.any.0: 这不是一个条件（“letter”后面用半角冒号，再空一格"),
    (ADMISSION, "{letter: automatic}", "automatic", ":15: 1.when.any.0: 这不是一个条件（可以写：mention、"),
    (ADMISSION, "{letter: automatic}", "{letter: automatisch}", ":15: 1.when.any.0.letter: 没有名为“automatisch”的邮件性质"),
    (ADMISSION, "{letter: automatic}", "{letter: {automatic: [bouncer]}}", ":15: 1.when.any.0.letter.automatic.0: 没有名为“bouncer”的"),
    (ADMISSION, "{letter: automatic}", "{channel: telex}", ":15: 1.when.any.0.channel: 没有名为“telex”的渠道"),
    (ADMISSION, "in: [title, content]", "in: [titel]", ":40: 4.when.all.0.in.0: 没有名为“titel”的位置（是否想写“title”？）"),
    (ADMISSION, "in: [title, content]", "in: [title, title]", ":40: 4.when.all.0.in.1: “title”写了两次"),
    (ADMISSION, "in: [title, content]", "in: []", ":40: 4.when.all.0.in: 列表是空的（位置）"),
    (ADMISSION, "negated: false", "negated: maybe", ":40: 4.when.all.0.negated: 没有名为“maybe”的写法"),
    (ADMISSION, "at_least: 2", "at_least: 1", ":6: 0.when.all.0.at_least: 1 超出范围（2 到 100）"),
    (ADMISSION, "at_least: 2", "at_least: 两个", ":6: 0.when.all.0.at_least: 这里应是整数"),
    (ADMISSION, ", within: 30", "", ":42: 4.when.all.1.any.0: near 和 within 要一起写"),
    (ADMISSION, "near: 法院, ", "", ":42: 4.when.all.1.any.0: near 和 within 要一起写"),
    (
        ADMISSION,
        "at_least: 2",
        "at_least: 2\n        same_sentence: 法院",
        ":5: 0.when.all.0: same_sentence 和 at_least 不能写在同一个条件里",
    ),
    (ADMISSION, "same_sentence: 其他企业", "same_sentence: 合同纠纷", ":31: 3.when.all.0.same_sentence: same_sentence 要写另一个词表"),
    (ADMISSION, "is: missing", "is: lost", ":54: 5.when.all.1.is: 没有名为“lost”的状态"),
    (ADMISSION, "field: uscc, is: missing", "field: phone, is: valid", ":54: 5.when.all.1.is: 只有 uscc 能判断 valid"),
    (ADMISSION, "field: uscc, is: missing", "field: uscc", ":54: 5.when.all.1: field 条件要有 is、shorter_than、longer_than 中的一个"),
    (ADMISSION, "field: content, shorter", "field: phone, shorter", ":53: 5.when.all.0.field: 不能量 phone 的字数"),
    (ADMISSION, "[thread, number]", "[threat]", ":61: 6.when.all.0.candidate.same.0: 没有名为“threat”的比对项（是否想写“thread”？）"),
    (ADMISSION, "candidate: {same: [thread, number]}", "candidate: {}", ":61: 6.when.all.0.candidate: candidate 没有要求"),
    (
        ADMISSION,
        "likeness_at_least: 0.6",
        "likeness_at_least: 60",
        ":68: 7.when.all.0.candidate.likeness_at_least: 60 超出范围（0 到 1）",
    ),
    (ADMISSION, "within_days: 90", "within_days: -1", ":68: 7.when.all.0.candidate.within_days: -1 超出范围"),
    # effects
    (ADMISSION, "then: {conclude: 行政诉求}", "then: {}", ":23: 2.then: 规则没有效果"),
    (ROUTING, "{route: scj, weight: 2.5}", "{weight: 2.5}", ":4: 0.then: 规则没有效果"),
    (ROUTING, "weight: 2.5", "weight: 0", ":4: 0.then.weight: 0 超出范围"),
    (ROUTING, "urgent: true", "urgent: false", ":9: 1.then.urgent: 写 false 没有作用"),
    (ROUTING, "urgent: true", "urgent: yes", ":9: 1.then.urgent: 这里只能写 true 或 false"),
    (ROUTING, "urgent: true", "final: true", ":9: 1.then.final: final 只能与 refuse 或 not_a_case 一起写"),
    (ADMISSION, "then: {refuse: 2}", "then: {refuse: 2, supplement: 请求}", ":46: 4.then: 一条规则不能同时 supplement、refuse"),
    (
        ADMISSION,
        "then: {follow_up: true}",
        "then: {follow_up: true, duplicate: true}",
        ":62: 6.then: 一条规则不能同时 follow_up、duplicate",
    ),
    (ROUTING, "urgent: true", "duplicate: true", ":9: 1.then: duplicate 要有一个 candidate 或 elsewhere 条件"),
    # the compiler's own
    (
        ADMISSION,
        "- mention: 行政部门\n  then: {con",
        "- concluded: 行政诉求\n  then: {con",
        ":18: 向行政机关提出请求: 结论互相依赖，成了循环",
    ),
    (ADMISSION, "{letter: automatic}", "{channel: mail}], none: [{channel: mail}", ":13: 自动邮件: 这条规则永远不会成立"),
    # lists
    (WORDS, "[法院, 起诉]", "[法院, 起诉, 法院]", ":6: 法院.words.2: “法院”与“法院”重复"),
    (WORDS, "[法院, 起诉]", "[ＡＢ, ab]", ":6: 法院.words.1: “ab”与“ＡＢ”重复"),
    (WORDS, "[法院, 起诉]", "[]", ":6: 法院.words: 列表是空的（词）"),
    (WORDS, "[法院, 起诉]", "法院", ":6: 法院.words: 这里应是列表（词）"),
    (WORDS, "[法院, 起诉]", "[法院, ]\n  else: [a]", ":7: 法院.else: 不认识的键“else”"),
    (WORDS, "[法院, 起诉]", "[法院, '']", ":6: 法院.words.1: 这里是空的"),
    (WORDS, "except: [法院路]", "except: [医院路]", ":7: 法院.except.0: 例外“医院路”里没有本词表的词"),
    (WORDS, "except: [法院路]", "except: [法院]", ":7: 法院.except.0: 例外“法院”里没有本词表的词"),
    (WORDS, "广告:", "广 告:", ":8: 广 告: “广 告”不能作词表的名称"),
    # directories
    ("departments.yaml", "id: rsj", "id: scj", ":2: 1: 部门编号“scj”重复"),
    ("departments.yaml", "id: rsj", "id: RSJ", ":2: 1.id: “RSJ”不能作名称"),
    ("departments.yaml", "[市场局]", "[区司法局]", ":3: 2: 部门名称或别名“区司法局”重复"),
    ("departments.yaml", ", duty: 劳动用工", "", ":2: 1: 缺少“duty”"),
    ("grounds.yaml", "number: 2", "number: 1", ":2: 1: 情形“1”重复"),
    ("grounds.yaml", "number: 2", "number: 二", ":2: 1.number: 这里应是整数"),
    # settings
    ("pack.yaml", "SL-{year}-{seq:04d}", "SL-{seq:04d}", ":8: case_number: 编号格式里 {year} 和 {seq} 须各有一个"),
    ("pack.yaml", "SL-{year}-{seq:04d}", "SL-{year}-{seq.__class__}", ":8: case_number: 编号格式里 {year} 和 {seq} 须各有一个"),
    ("pack.yaml", "SL-{year}-{seq:04d}", "SL-{year}-{seq:>99999d}", ":8: case_number: 编号格式里冒号后的写法不对"),
    ("pack.yaml", "SL-{year}-{seq:04d}", "SL-{year}-{seq!r}", ":8: case_number: 编号格式里冒号后的写法不对"),
    ("pack.yaml", "SL-{year}-{seq:04d}", "SL {year} {seq}", ":8: case_number: 编号格式里有空格或符号"),
    ("pack.yaml", "SL-{year}-{seq:04d}", "SL-{year}-{seq", ":8: case_number: 编号格式的花括号不成对"),
    ("pack.yaml", "Asia/Shanghai", "Asia/Kunming", ":7: district.timezone: 没有时区“Asia/Kunming”"),
    ("pack.yaml", "Asia/Shanghai", "../../etc/passwd", ":7: district.timezone: 没有时区“../../etc/passwd”"),
    ("pack.yaml", "id: small", "id: 示例", ":2: district.id: “示例”不能作名称"),
    ("pack.yaml", "margin: 1.5", "margin: 宽", ":14: routing.margin: 这里应是数字"),
    ("pack.yaml", "working_days: 5", "working_days: 0", ":17: deadlines.verification.working_days: 0 超出范围"),
    (
        "pack.yaml",
        "start: booking_close",
        "start: booking",
        ":17: deadlines.verification.start: 没有名为“booking”的起算点（是否想写“booking_close”？）",
    ),
    # templates
    ("wording/acknowledge.txt", "{{ number }}", "{{ number }", ":1: 模板语法错误"),
    ("wording/acknowledge.txt", "您好", "\n{% if x %}您好", ":2: 模板语法错误"),
]
# fmt: on


@pytest.mark.parametrize(("file", "old", "new", "problem"), MISTAKES, ids=range(len(MISTAKES)))
def test_one_mistake(pack: Path, file: str, old: str, new: str, problem: str) -> None:
    """Each mistake is told with file and line, the path inside the file, what is wrong, and what to write instead."""
    spoil(pack, file, old, new)

    found = problems_of(pack)

    assert any(line.startswith(f"small/{file}{problem}") for line in found), found


def test_all_mistakes_at_once(pack: Path) -> None:
    """Mistakes in different files, and several in one rule, come in one report."""
    spoil(pack, "pack.yaml", "margin: 1.5", "margin: 宽")
    spoil(pack, "departments.yaml", ", duty: 劳动用工", "")
    spoil(pack, WORDS, "[法院, 起诉]", "[法院, 起诉, 起诉]")
    spoil(pack, ADMISSION, "mention: 广告\n        at_least: 2", "mention: 广高\n        at_least: 1")
    spoil(pack, ROUTING, "urgent: true", "urgent: ja")

    assert [line.split(":")[0].removeprefix("small/") for line in problems_of(pack)] == [
        "pack.yaml",
        "departments.yaml",
        WORDS,
        ADMISSION,
        ADMISSION,
        ROUTING,
    ]


@pytest.mark.parametrize("file", ["lists/words.yaml", "departments.yaml", "grounds.yaml", "pack.yaml", ADMISSION, ROUTING])
def test_an_unreadable_file_brings_no_further_problems(pack: Path, file: str) -> None:
    """Where a file cannot be read, the names it would have given are not reported missing elsewhere."""
    (pack / file).write_bytes("甲: 乙: 丙".encode())

    (problem,) = problems_of(pack)

    assert problem.startswith(f"small/{file}:1: 冒号的位置不对")


@pytest.mark.parametrize("file", ["departments.yaml", "grounds.yaml", "pack.yaml"])
def test_a_missing_file(pack: Path, file: str) -> None:
    """A pack without one of its three files is told which."""
    (pack / file).unlink()

    assert problems_of(pack) == [f"small/{file}: 缺少这个文件（从自带的规则包复制一份再改）"]


def test_a_pack_without_rules(pack: Path) -> None:
    """A pack that decides nothing is a mistake, not a quiet district."""
    shutil.rmtree(pack / "rules")

    assert problems_of(pack) == ["small/rules: 没有规则（在 rules/ 里放至少一个 .yaml 文件）"]


@pytest.mark.parametrize(
    ("file", "remedy"),
    [
        ("department.yaml", "文件名以 .yaml 结尾；是否想写“departments.yaml”？"),
        ("rules.yml", "grounds.yaml"),
        ("rules/30_more.yml", "例如 rules/30_more.yaml；"),
        ("lists/words.txt", "例如 lists/words.yaml；"),
    ],
)
def test_files_that_would_be_ignored(pack: Path, file: str, remedy: str) -> None:
    """A file that looks like part of the pack but would not be read is told, not ignored."""
    (pack / file).write_text("", encoding="utf-8")

    (problem,) = problems_of(pack)

    assert problem.startswith(f"small/{file}: 不认识的文件，不会被读取")
    assert remedy in problem


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A wrong path is told as such."""
    assert problems_of(tmp_path / "nichts") == [f"{tmp_path / 'nichts'}: 没有这个规则包文件夹（检查路径）"]


def test_problems_name_the_folder_however_it_is_called(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pack loaded from within its own folder is named like any other."""
    (pack / "grounds.yaml").unlink()
    monkeypatch.chdir(pack)

    assert problems_of(Path()) == ["small/grounds.yaml: 缺少这个文件（从自带的规则包复制一份再改）"]
