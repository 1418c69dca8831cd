"""What a pack says about its district, for everybody who needs names and words rather than rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """One entry of the department directory."""

    id: str
    name: str
    duty: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One legal ground of non-acceptance: its article, its words in the document, and the advice where to turn instead."""

    number: int
    article: str  # "二（二）2"
    text: str  # word for word as in the document
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class District:
    """What a pack says about its district, for everybody who needs names and words rather than rules."""

    id: str  # "chenggong"
    name: str  # 昆明市呈贡区
    programme: str  # “区委书记、区长、局长坐诊接诉”
    document: str  # 区委办〔2024〕48号
    coordinator: str  # 区政务服务局
    case_number: str  # "CG-{year}-{seq:05d}"
    timezone: str  # "Asia/Shanghai"
    departments: Mapping[str, Department]
    grounds: Mapping[int, Ground]
    wording: Mapping[str, str]  # template name → Jinja2 source, e.g. "department.txt", "department.html", "department.subject"
    supplements: Mapping[str, str] = field(default_factory=dict)  # what may be missing → the words that ask for it
