"""The letter that asks an enterprise what it thinks: of a department, mark by mark, or of a policy, in its own words. Sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from notifier.dates import in_full
from notifier.plain import excerpt
from notifier.recipients import may_be_mailed
from notifier.view import department, of_subject
from store.model.letter import Address
from store.model.notice import Notice, Purpose
from store.model.reply_sender import ENTERPRISE
from store.model.survey import Asked
from store.owing import Subject

if TYPE_CHECKING:
    from notifier.compose import Composer
    from store.model.district import District

_LONGEST = 4000  # code points of a person's words


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What is asked: `asks` by name with the marks of `scale`, none where free words are wanted; `words` are a person's, `until` the last day."""

    asks: Sequence[str]
    scale: Sequence[str]
    words: str
    until: date


class SurveyLetters:
    """Writes the letters of one survey."""

    def __init__(self, composer: Composer, district: District, questions: Questions) -> None:
        """Write with *composer*, whose template `survey` these are."""
        self._composer, self._district, self._questions = composer, district, questions

    def to_enterprise(self, subject: Subject, asked: Asked) -> list[Notice]:
        """Return the letter to one enterprise; none where its address may not be mailed."""
        if not may_be_mailed(asked.recipient):
            return []
        questions = self._questions
        view = {
            "name": subject.title or subject.key,
            "of": department(asked.department, self._district).name if asked.department else "",
            "asks": list(questions.asks),
            "scale": "、".join(questions.scale),
            "words": excerpt(questions.words, _LONGEST).lines if questions.words else (),
            "until": in_full(questions.until),
        }
        written = self._composer.wording.write(Purpose.SURVEY, {**of_subject(subject.key, self._district), "survey": view})
        return [
            Notice(
                purpose=Purpose.SURVEY,
                to=Address(name="", address=asked.recipient),
                subject=written.subject,
                text=written.text,
                html=written.html,
                attach_original=False,
                office=ENTERPRISE,
            )
        ]
