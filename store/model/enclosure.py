"""A file that goes with a mail, as what it is made of: the mail is composed in a transaction, the file made when the mail is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Values = Mapping[str, str]  # by field of `store.model.form.FORM_FIELDS`


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """One file: the pack's form called `form`, filled with a line or a page for each of `entries` and with `head`; without a form the `text`.

    `name` is the file's, and its ending (.docx, .xlsx, .ics) says as what it is made.
    """

    name: str
    form: str = ""
    entries: tuple[Values, ...] = ()
    head: Values = field(default_factory=dict)
    text: str = ""
