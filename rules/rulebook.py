"""Loads a pack: which files belong to it, what they say together, and the digest by which a decision names the rules it was made with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TypeVar

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from rules.call_shapes import read_call_shape
from rules.compile import Stage, compile_stages
from rules.directories import read_departments, read_grounds, read_homophones, read_lists
from rules.effects import Known, document_article
from rules.form_files import read_forms
from rules.language import CountAsked, Mention, NearAsked, Rule, Scope, SenderIs, WordList, leaves
from rules.packfiles import MAX_BYTES, Node, Problems, Reader, decode, meant, read_yaml
from rules.platform_files import read_platforms
from rules.reply_words import read_reply_words
from rules.schedule import Around, Schedule, read_schedule
from rules.settings import Pack, Settings, read_pack
from rules.syntax import read_rules
from rules.taken import taken_files
from store.errors import ConfigError, Problem
from store.model.district import Department, District, Ground
from store.model.form import Form
from store.model.petition import CallShape
from store.model.platforms import PlatformMapping
from store.model.reply import ReplyWords
from store.trouble import reason

T = TypeVar("T")

BUILTIN_PACKS = Path(__file__).parent / "packs"
_WORDING = Path(__file__).parent / "wording"  # notices as any district may send them; a pack's wording/ replaces them file by file
_FILES = ("pack.yaml", "departments.yaml", "grounds.yaml")
_HOMOPHONES, _CALLS, _REPLIES, _SCHEDULE = "homophones.yaml", "hotline.yaml", "reply_words.yaml", "schedule.yaml"  # may be missing
_OPTIONAL = (_HOMOPHONES, _CALLS, _REPLIES, _SCHEDULE)
_YAML_FOLDERS = ("forms", "lists", "platforms", "rules")
_FOLDERS = (*_YAML_FOLDERS, "wording")
_MAX_FILES = 500
_JINJA = SandboxedEnvironment(autoescape=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # itself alone: what is made of it is kept beside it
class RuleBook:
    """A pack, loaded and found without mistakes. `digest` is SHA-256 (hex) over the names and bytes of `files`, all that belongs to it."""

    district: District
    digest: str
    lists: Mapping[str, WordList]
    rules: Mapping[str, Rule]  # by name, in the order of the files
    stages: tuple[Stage, ...]
    settings: Settings
    counts: tuple[CountAsked, ...]  # what the rules ask of the texts beyond single mentions
    nears: tuple[NearAsked, ...]
    senders: tuple[SenderIs, ...]  # what they ask of the address a mail comes from, each question once
    homophones: Mapping[str, tuple[str, ...]]  # right → what speech recognition may hear
    call_shape: CallShape  # how the district's hotline software writes calls down
    reply_words: ReplyWords  # how replies are read
    platforms: Mapping[str, PlatformMapping]  # by id: how the records of another platform are read
    forms: Mapping[str, Form]  # by name: 附件2
    schedule: Schedule  # the sessions and activities that the document plans
    files: Mapping[str, bytes] = field(repr=False)
    taken: frozenset[str] = frozenset()  # which of `files` lie in another pack of the product, and are looked after there


def builtin_pack(name: str) -> Path:
    """Return the folder of the pack *name* that comes with the product; ConfigError where there is none."""
    if name not in builtin_packs():
        problem = Problem(place=str(BUILTIN_PACKS), key="", message=f"没有自带的规则包“{name}”", remedy=meant(name, builtin_packs()))
        raise ConfigError([problem])
    return BUILTIN_PACKS / name


def builtin_packs() -> tuple[str, ...]:
    """Return the names of the packs that come with the product."""
    return tuple(sorted(path.parent.name for path in BUILTIN_PACKS.glob("*/pack.yaml")))


def pack_folder(name: str) -> Path:
    """Return the folder of a pack as an operator names it: a path with a slash, or the name of one that comes with the product."""
    return Path(name) if "/" in name else builtin_pack(name)


def load_pack(path: Path) -> RuleBook:
    """Read, check and compile the pack in the folder *path*; raises ConfigError with every problem of every file."""
    problems = Problems()
    try:
        files, taken = _collect(path.resolve(), problems)
    except OSError as error:
        problems.add(Node(str(error.filename), ""), f"读不了：{reason(error)}", "检查运行用户能否读取")
        raise ConfigError(problems.found) from error
    return replace(_loaded(path.resolve().name, files, problems), taken=taken)


def named_district(path: Path) -> str:
    """Return which district the folder *path* says it is of, however broken the rest of it; "" where not even pack.yaml can be read."""
    try:
        root = read_yaml(_bytes(path / "pack.yaml"), "pack.yaml", Problems())
    except OSError:
        return ""
    pack = read_pack(root, Reader(Problems())) if root is not None else None
    return pack.id if pack else ""


@cache
def product_wording() -> Mapping[str, str]:
    """Return the templates that come with the product, by file name: what a pack does not word itself, one kept before an upgrade too."""
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(_WORDING.iterdir())}


def load_files(label: str, files: Mapping[str, bytes]) -> RuleBook:
    """Load a pack that lies in no folder from its files by name; *label* stands before the names in problems. Raises as `load_pack` does."""
    return _loaded(label, files, Problems())


def _loaded(label: str, files: Mapping[str, bytes], problems: Problems) -> RuleBook:
    book = _Loader(label, files, problems).load()
    if problems.found:
        raise ConfigError(problems.found)
    return book


# ---------------------------------------------------------------- files


def _collect(path: Path, problems: Problems) -> tuple[dict[str, bytes], frozenset[str]]:
    """Return the pack's files by name, sorted, and which of them it takes from another pack; what does not belong there is a problem."""
    if not path.is_dir():
        problems.add(Node(str(path), ""), "没有这个规则包文件夹", "检查路径")
        raise ConfigError(problems.found)
    files: dict[str, bytes] = {}
    found = sorted(path.iterdir()) + [
        inner for folder in _FOLDERS if (path / folder).is_dir() for inner in sorted((path / folder).iterdir())
    ]
    for file in found[:_MAX_FILES]:
        name = file.relative_to(path).as_posix()
        if file.name.startswith(".") or file.name.endswith(("~", ".md")) or name in _FOLDERS:
            continue
        if _belongs(file, name):
            _read(file, name, files, problems)
        elif file.suffix in {".yaml", ".yml"} or "/" in name:
            problems.add(Node(f"{path.name}/{name}", ""), "不认识的文件，不会被读取", _where_it_belongs(name))
    if len(found) > _MAX_FILES:
        problems.add(Node(str(path), ""), f"规则包有 {len(found)} 个文件，超过 {_MAX_FILES} 个", "合并一些文件")
    return _with_taken(path.name, files, problems)


def _with_taken(label: str, files: dict[str, bytes], problems: Problems) -> tuple[dict[str, bytes], frozenset[str]]:
    """Return *files* with those that the pack takes, in the order in which they would lie in its own folder, and the names of those."""
    wanted = taken_files(files.get("pack.yaml", b""), label, BUILTIN_PACKS, problems)
    taken = {name: file for name, file in wanted.items() if name not in files}
    for name, file in taken.items():
        _read(file, name, files, problems)
    return dict(sorted(files.items(), key=lambda item: ("/" in item[0], item[0]))), frozenset(taken)


def _where_it_belongs(name: str) -> str:
    folder, _, rest = name.rpartition("/")
    if folder == "wording":
        return f"通知有哪几种，见随产品的 rules/wording 目录；{meant(rest, product_wording())}"
    if folder:
        return f"文件名以 .yaml 结尾才读，例如 {folder}/{rest.split('.')[0]}.yaml；子目录不读"
    return (
        f"词表放 lists/、规则放 rules/、平台的列名放 platforms/、表格放 forms/，文件名以 .yaml 结尾；{meant(name, (*_FILES, *_OPTIONAL))}"
    )


def _belongs(file: Path, name: str) -> bool:
    folder, _, rest = name.rpartition("/")
    if folder == "wording":
        return file.is_file() and (rest in product_wording() or rest.startswith("_"))
    return (name in {*_FILES, *_OPTIONAL} and file.is_file()) or (folder in _YAML_FOLDERS and rest.endswith(".yaml") and file.is_file())


def _read(file: Path, name: str, files: dict[str, bytes], problems: Problems) -> None:
    try:
        files[name] = _bytes(file)
    except OSError as error:
        problems.add(Node(str(file), ""), f"读不了：{reason(error)}", "检查运行用户能否读取")


def _bytes(file: Path) -> bytes:
    """Return what *file* holds, of one that is too large as much as shows that it is: `decode` refuses it by its length."""
    with file.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


# ---------------------------------------------------------------- meaning


class _Loader:
    """Reads the files of one pack in the order in which they rest on each other."""

    def __init__(self, label: str, files: Mapping[str, bytes], problems: Problems) -> None:
        self._label = label
        self._files = files
        self._problems = problems
        self._reader = Reader(problems)
        self._roots: dict[str, Node | None] = {}

    def load(self) -> RuleBook:
        for name in _FILES:
            if name not in self._files:
                self._problems.add(Node(f"{self._label}/{name}", ""), "缺少这个文件", "从自带的规则包复制一份再改")
        self._roots = {name: self._parse(name) for name in self._files if not name.startswith("wording/")}
        pack = self._one("pack.yaml", read_pack) or Pack()
        departments = self._one("departments.yaml", read_departments) or {}
        grounds = self._one("grounds.yaml", read_grounds) or {}
        lists = read_lists(self._folder("lists"), self._reader)
        rules = read_rules(
            self._folder("rules"), self._known(pack, departments, grounds, lists), self._reader, complete=self._whole("rules")
        )
        if not rules and self._whole("rules"):
            self._problems.add(Node(f"{self._label}/rules", ""), "没有规则", "在 rules/ 里放至少一个 .yaml 文件")
        district = District(
            id=pack.id,
            name=pack.name,
            programme=pack.programme,
            document=pack.document,
            coordinator=pack.coordinator,
            case_number=pack.case_number,
            timezone=pack.timezone,
            departments=departments,
            grounds=grounds,
            wording={**product_wording(), **self._wording()},
            supplements=pack.settings.supplements,
        )
        forms = read_forms(self._named("forms"), self._reader)
        self._check_sessions(pack, forms)
        counts, nears = _asked(rules)
        return RuleBook(
            district=district,
            digest=_digest(self._files),
            lists=lists,
            rules={rule.name: rule for rule in rules},
            stages=compile_stages(rules, self._problems.found),
            settings=pack.settings,
            counts=counts,
            nears=nears,
            senders=_senders(rules),
            homophones=self._one(_HOMOPHONES, read_homophones) or {},
            call_shape=read_call_shape(self._roots.get(_CALLS), self._reader),
            reply_words=read_reply_words(self._roots.get(_REPLIES), self._reader),
            platforms=read_platforms(self._named("platforms"), self._reader),
            forms=forms,
            schedule=self._schedule(pack, departments, grounds),
            files=self._files,
        )

    def _parse(self, name: str) -> Node | None:
        return read_yaml(self._files[name], f"{self._label}/{name}", self._problems)

    def _one(self, name: str, read: Callable[[Node, Reader], T]) -> T | None:
        root = self._roots.get(name)
        return None if root is None else read(root, self._reader)

    def _folder(self, folder: str) -> list[Node]:
        return [root for name, root in self._roots.items() if name.startswith(f"{folder}/") and root is not None]

    def _named(self, folder: str) -> dict[str, Node]:
        """Return the files of *folder* that could be read, by their names without the ending."""
        return {Path(name).stem: root for name, root in self._roots.items() if name.startswith(f"{folder}/") and root is not None}

    def _whole(self, folder: str) -> bool:
        """Tell whether every file of *folder* could be read, so that what is named nowhere does not exist."""
        return all(root is not None for name, root in self._roots.items() if name.startswith(f"{folder}/"))

    def _known(
        self, pack: Pack, departments: Mapping[str, Department], grounds: Mapping[int, Ground], lists: Mapping[str, WordList]
    ) -> Known:
        is_read = {name: self._roots.get(name) is not None for name in _FILES}
        return Known(
            lists=lists if self._whole("lists") else None,
            departments=departments if is_read["departments.yaml"] else None,
            grounds=grounds if is_read["grounds.yaml"] else None,
            articles=_articles(pack, grounds) if is_read["grounds.yaml"] and is_read["pack.yaml"] else None,
            supplements=pack.settings.supplements if is_read["pack.yaml"] else None,
        )

    def _schedule(self, pack: Pack, departments: Mapping[str, Department], grounds: Mapping[int, Ground]) -> Schedule:
        root = self._roots.get(_SCHEDULE)
        if root is None or any(self._roots.get(name) is None for name in _FILES):  # what cannot be read knows no departments, no articles
            return Schedule()
        around = Around(
            departments={id_: department.name for id_, department in departments.items()},
            coordinator=pack.coordinator,
            kinds=pack.settings.kinds.by_id,
            articles=_articles(pack, grounds),
        )
        return read_schedule(root, around, self._reader)

    def _check_sessions(self, pack: Pack, forms: Mapping[str, Form]) -> None:
        """Note what the sessions speak of and the pack does not have: forms that letters are to bring along, the deadline met after a session."""
        rule = pack.settings.sessions
        kinds = {kind.id: kind for kind in pack.settings.kinds.by_id.values() if "session_end" in kind.since}
        if rule and rule.receipt and rule.receipt.kind not in kinds:
            remedy = f"写 deadlines.kinds 里由 session_end 起算的一种：{'、'.join(kinds) or '（还没有）'}"
            self._problems.add(Node(f"{self._label}/pack.yaml", "sessions.receipt.kind"), f"没有时限“{rule.receipt.kind}”", remedy)
        named = pack.settings.sessions.forms.values() if pack.settings.sessions and self._whole("forms") else ()
        for file in dict.fromkeys(chain.from_iterable(named)):
            if (name := file.rpartition(".")[0]) not in forms:
                remedy = meant(name, forms) or "在规则包的 forms/ 里加上，写法见 docs/表格.md"
                self._problems.add(Node(f"{self._label}/pack.yaml", "sessions.forms"), f"没有表格“{name}”", remedy)

    def _wording(self) -> dict[str, str]:
        """Return the templates under wording/ by file name, each one readable as Jinja2."""
        found = {}
        for name, raw in self._files.items():
            if not name.startswith("wording/"):
                continue
            place = f"{self._label}/{name}"
            text = decode(raw, place, self._problems)
            if text is None:
                continue
            try:
                _JINJA.parse(text)
            except jinja2.TemplateSyntaxError as error:
                self._problems.add(Node(f"{place}:{error.lineno}", ""), f"模板语法错误：{error.message}", "检查 {{ }} 和 {% %} 是否成对")
            found[name.removeprefix("wording/")] = text
        return found


def _articles(pack: Pack, grounds: Mapping[int, Ground]) -> list[str]:
    """Return what a basis may name."""
    others = (document_article(name, article) for name, texts in pack.settings.documents.items() for article in texts)
    return [*dict.fromkeys((*(ground.article for ground in grounds.values()), *pack.settings.articles, *others))]


def _asked(rules: Sequence[Rule]) -> tuple[tuple[CountAsked, ...], tuple[NearAsked, ...]]:
    """Return the counts and distances that *rules* ask for, each once, distances up to the widest asked."""
    counts: dict[CountAsked, None] = {}
    nears: dict[tuple[str, Scope, str], int] = {}
    for leaf in (leaf for rule in rules for leaf in leaves(rule.when) if isinstance(leaf, Mention)):
        if leaf.at_least > 1:
            counts[CountAsked(leaf.words, leaf.scope)] = None
        elif leaf.near is not None:
            key = (leaf.words, leaf.scope, leaf.near)
            nears[key] = max(leaf.within, nears.get(key, 0))
    return tuple(counts), tuple(NearAsked(words, scope, other, within) for (words, scope, other), within in nears.items())


def _senders(rules: Sequence[Rule]) -> tuple[SenderIs, ...]:
    asked = (leaf for rule in rules for leaf in leaves(rule.when) if isinstance(leaf, SenderIs))
    return tuple({leaf.key: leaf for leaf in asked}.values())


def _digest(files: Mapping[str, bytes]) -> str:
    """Return SHA-256 over names and contents, each behind its length so that no two packs run together."""
    whole = hashlib.sha256()
    for name, raw in sorted(files.items()):
        for part in (name.encode(), raw):
            whole.update(f"{len(part)}:".encode())
            whole.update(part)
    return whole.hexdigest()
