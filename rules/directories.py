"""The directories of a pack: departments.yaml, grounds.yaml and the word lists under lists/.

departments.yaml and grounds.yaml are lists of tables with the keys of `Department` and `Ground`. A file under lists/ maps names of lists
to `{words: [...], except: [...]}`, or shorter to the words alone; one file may hold several lists.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping

from rules.language import WordList
from rules.packfiles import Items, Node, Problems, Reader, Scalar
from rules.settings import PLAIN_ID, PLAIN_ID_RULE
from store.model.district import Department, Ground

NAME = re.compile(r"[^\W\d]\w{0,63}")
NAME_RULE = "只用文字、字母、数字和“_”，不以数字开头，至多 64 字"
_LONGEST_WORD = 64


class Register:
    """Names of one kind over all files, each of which may be taken once."""

    def __init__(self, what: str, problems: Problems) -> None:
        """Call the kind *what* (Chinese) in *problems*."""
        self._what = what
        self._problems = problems
        self._places: dict[str, str] = {}

    def take(self, name: str, node: Node) -> bool:
        """Tell whether *name* was still free; note a problem where it was not."""
        if name in self._places:
            self._problems.add(node, f"{self._what}“{name}”重复，已在 {self._places[name]} 写过", "改名或删去一个")
            return False
        self._places[name] = node.place
        return True


def read_departments(root: Node, reader: Reader) -> dict[str, Department]:
    """Return the departments by id, in the order of the file."""
    found: dict[str, Department] = {}
    ids, names = Register("部门编号", reader.problems), Register("部门名称或别名", reader.problems)
    for node in reader.items(root, what="部门"):
        entries = reader.table(node, ("id", "name", "duty", "aliases"), ("id", "name", "duty"))
        identity = reader.name(entries["id"], PLAIN_ID, PLAIN_ID_RULE) if "id" in entries else None
        name = reader.text(entries["name"]) if "name" in entries else None
        duty = reader.text(entries["duty"], longest=1_000) if "duty" in entries else None
        aliases = reader.several(entries["aliases"], reader.text, what="别名") if "aliases" in entries else ()
        for text in aliases if name is None else (name, *aliases):
            names.take(text, node)
        if identity and ids.take(identity, node):
            found[identity] = Department(id=identity, name=name or "", duty=duty or "", aliases=aliases)
    return found


def read_grounds(root: Node, reader: Reader) -> dict[int, Ground]:
    """Return the grounds of non-acceptance by number; `[]` says that the district's document has none."""
    found: dict[int, Ground] = {}
    numbers = Register("情形", reader.problems)
    none_stated = isinstance(root, Items) and not root.items
    for node in () if none_stated else reader.items(root, what="不予受理的情形"):
        keys = ("number", "article", "text", "advice")
        entries = reader.table(node, keys, keys)
        number = reader.integer(entries["number"], 1, 99) if "number" in entries else None
        texts = {key: reader.text(entries[key], longest=1_000) or "" for key in keys[1:] if key in entries}
        if number is not None and numbers.take(str(number), node):
            found[number] = Ground(
                number=number, article=texts.get("article", ""), text=texts.get("text", ""), advice=texts.get("advice", "")
            )
    return found


def read_lists(roots: list[Node], reader: Reader) -> dict[str, WordList]:
    """Return the word lists of all files under lists/ by name."""
    found: dict[str, WordList] = {}
    names = Register("词表", reader.problems)
    for root in roots:
        for name, node in reader.any_table(root).items():
            if not NAME.fullmatch(name):
                reader.problems.add(node, f"“{name}”不能作词表的名称", NAME_RULE)
            elif names.take(name, node):
                found[name] = _word_list(name, node, reader)
    return found


def _word_list(name: str, node: Node, reader: Reader) -> WordList:
    entries: Mapping[str, Node] = {"words": node}
    if not isinstance(node, Items):
        entries = reader.table(node, ("words", "except"), ("words",))
    words = _words(entries["words"], reader) if "words" in entries else {}
    synonyms = _synonyms(entries["words"]) if "words" in entries else ()
    exceptions = _words(entries["except"], reader) if "except" in entries else {}
    for exception, place in exceptions.items():
        if words and not any(folded(word) in folded(exception) and folded(word) != folded(exception) for word in words):
            reader.problems.add(place, f"例外“{exception}”里没有本词表的词", "例外是包含某个词的更长说法，例如词“法院”的例外“法院路”")
    return WordList(name=name, words=tuple(words), exceptions=tuple(exceptions), synonyms=synonyms)


def _words(node: Node, reader: Reader) -> dict[str, Node]:
    """Read words, no two of which differ only in width or case."""
    found: dict[str, Node] = {}
    seen: dict[str, str] = {}
    for item in _flat(node, reader):
        word = reader.text(item, longest=_LONGEST_WORD)
        if word is None:
            continue
        if folded(word) in seen:
            reader.problems.add(item, f"“{word}”与“{seen[folded(word)]}”重复", "去掉一个（全角半角、大小写不作区分）")
            continue
        seen[folded(word)] = word
        found[word] = item
    return found


def _flat(node: Node, reader: Reader) -> Iterator[Node]:
    """Yield the words at *node*; a list among them holds synonyms."""
    for item in reader.items(node, what="词"):
        yield from reader.items(item, what="同义词") if isinstance(item, Items) else (item,)


def _synonyms(node: Node) -> tuple[tuple[str, ...], ...]:
    groups = [item.items for item in node.items if isinstance(item, Items)] if isinstance(node, Items) else []
    return tuple(tuple(word.text.strip() for word in group if isinstance(word, Scalar)) for group in groups)


def read_homophones(root: Node, reader: Reader) -> dict[str, tuple[str, ...]]:
    """Return what speech recognition may hear, by what is right."""
    found: dict[str, tuple[str, ...]] = {}
    for right, node in reader.any_table(root).items():
        heard = reader.several(node, lambda item: reader.text(item, longest=_LONGEST_WORD), what="误听的写法")
        if any(folded(one) == folded(right) for one in heard):
            reader.problems.add(node, f"“{right}”误听成了它自己", "去掉它")
        found[right] = heard
    return found


def folded(word: str) -> str:
    """Return *word* as texts are compared: width and case do not matter."""
    return unicodedata.normalize("NFKC", word).casefold()
