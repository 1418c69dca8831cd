"""One sheet of a survey: who was asked, of which department, and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whom to ask: an address, the enterprise's name, and the department that had its matter ("" for none)."""

    recipient: str
    enterprise: str = ""
    department: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One who was asked in the survey called `survey`, kept at a subject; `marks` by what was asked of, none where nobody has answered."""

    id: int
    subject_id: int
    survey: str
    asked: Asked
    sent_at: datetime
    arrival_id: int | None = None
    marks: Mapping[str, str] = field(default_factory=dict)
    remarks: str = ""
    answered_at: datetime | None = None
