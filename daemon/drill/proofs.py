"""What a district's document asks for, and what in a drill shows that it was done: `requirements.yaml`.

- id: CG-3.2
  asks: 通告在挂号开始前拟好，发“坐诊”部门
  proofs:
    - {made: 通告拟稿, purpose: session, subject: 通告拟稿, to: 区工商联, enclosure: 附件1}   # the first mail of which all of this is true
    - {made: 季度报告, paper: 2024年第四季度报告.docx}                                       # a document of documents.yaml
    - {made: 发布渠道收到通告, lacks: 通告还不发给发布单位}                                   # what the product does not do: said, not left out
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rules.packfiles import Node, Problems, Reader, read_yaml
from store.model.notice import Purpose, QueuedNotice

FILE = "requirements.yaml"
ENTERPRISE = "企业"  # whoever's address is none of ours
_MAIL = ("purpose", "subject", "text", "to", "enclosure")
_LONGEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One thing that shows it: a mail of which all of `wanted` is true, or the document called `paper`. `lacks` says that the product has it not, and why."""

    place: str
    made: str
    wanted: Mapping[str, str]
    paper: str
    lacks: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One row of the requirements, by its id."""

    id: str
    asks: str
    proofs: tuple[Proof, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What was found for one proof: the first mail and how many there are, or that the document is there."""

    proof: Proof
    mail: QueuedNotice | None = None
    mails: int = 0
    has_paper: bool = False

    @property
    def is_there(self) -> bool:
        """Whether anything shows it."""
        return self.mail is not None or self.has_paper

    @property
    def is_as_said(self) -> bool:
        """Whether it is there where that is claimed, and not where it is said to be lacking."""
        return self.is_there != bool(self.proof.lacks)


def read_requirements(raw: bytes, papers: Collection[str], problems: Problems) -> list[Requirement]:
    """Return what `requirements.yaml` says; *papers* are the documents that will be there. Mistakes go to *problems*."""
    root = read_yaml(raw, FILE, problems)
    if root is None:
        return []
    reader = Reader(problems)
    return [one for node in reader.items(root, what="要求") if (one := _requirement(node, papers, reader)) is not None]


def _requirement(node: Node, papers: Collection[str], reader: Reader) -> Requirement | None:
    entries = reader.table(node, ("id", "asks", "proofs"), ("id", "asks", "proofs"))
    said = {key: reader.text(entries[key], longest=_LONGEST) or "" for key in ("id", "asks") if key in entries}
    nodes = reader.items(entries["proofs"], what="凭据") if "proofs" in entries else ()
    proofs = [proof for one in nodes if (proof := _proof(one, papers, reader)) is not None]
    return Requirement(id=said["id"], asks=said["asks"], proofs=tuple(proofs)) if len(said) == 2 else None  # noqa: PLR2004 - both


def _proof(node: Node, papers: Collection[str], reader: Reader) -> Proof | None:
    before = len(reader.problems.found)
    entries = reader.table(node, ("made", *_MAIL, "paper", "lacks"), ("made",))
    said = {key: reader.text(value, longest=_LONGEST) or "" for key, value in entries.items()}
    wanted = {key: said[key] for key in _MAIL if key in said}
    if "purpose" in entries:
        reader.choice(entries["purpose"], [one.value for one in Purpose], "邮件用途")
    if "paper" in entries and said["paper"] not in papers:
        reader.problems.unknown(entries["paper"], "文书", said["paper"], papers)
    if bool(wanted) == ("paper" in said) and not ("lacks" in said and not wanted):
        reader.problems.add(node, "凭据是一封邮件，或一份文书", f"邮件写 {'、'.join(_MAIL)}，文书写 paper；产品没有的写 lacks")
    if len(reader.problems.found) > before:
        return None
    return Proof(place=node.place, made=said["made"], wanted=wanted, paper=said.get("paper", ""), lacks=said.get("lacks", ""))


def shown(proof: Proof, sent: Sequence[QueuedNotice], names: Mapping[str, str], papers: Collection[str]) -> Shown:
    """Return what shows *proof* among the mails *sent* and the *papers*; *names* says whose an address is."""
    if proof.paper:
        return Shown(proof=proof, has_paper=proof.paper in papers)
    found = [one for one in sent if _fits(one, proof.wanted, names)] if proof.wanted else []
    return Shown(proof=proof, mail=found[0] if found else None, mails=len(found))


def _fits(queued: QueuedNotice, wanted: Mapping[str, str], names: Mapping[str, str]) -> bool:
    notice = queued.notice
    said = {
        "purpose": notice.purpose.value,
        "subject": notice.subject,
        "text": notice.text,
        "to": names.get(notice.to.address.casefold(), ENTERPRISE),
        "enclosure": "\n".join(one.name for one in notice.enclosures),
    }
    whole = {"purpose", "to"}
    return all(said[key] == value if key in whole else value in said[key] for key, value in wanted.items())
