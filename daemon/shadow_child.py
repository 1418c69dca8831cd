"""The child process in which a shadow decides: at a low priority, with the plain evaluator, so that the service never waits for it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rules.calendar import Calendar
from rules.calendar_folder import load_calendar
from rules.compare import differences, rules_changed
from rules.decide import decide
from rules.reference import Reference
from rules.rulebook import RuleBook, load_files
from store.codec import from_json, to_json
from store.errors import ConfigError, MalformedMessageError
from store.model.decision import Decision
from store.model.matching import Candidate
from store.model.petition import Petition
from store.shadows import Divergence, Stand
from store.workers import Answer, Caps, Worker, serve

_CAPS = Caps(seconds=120.0, memory=1 << 30)  # a case takes milliseconds; the rest is for loading a pack on a machine under load
_NEEDS_PACK = "needs-pack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One petition as it was decided."""

    petition: Petition
    candidates: tuple[Candidate, ...]
    received_at: datetime
    decision: Decision


class ShadowDesk:
    """Asks the child. Blocks; one question at a time."""

    def __init__(self, digest: str, files: Mapping[str, bytes]) -> None:
        """Remember the pack; the child is started at the first question."""
        self._digest, self._files = digest, files
        self._worker = Worker(["-m", "daemon.shadow_child"], _CAPS)

    def compare(self, question: Question) -> Divergence | None:
        """Decide again and return what comes out otherwise, None where nothing does.

        Raises MalformedMessageError where the pack cannot be loaded or does not take the petition, WorkerFailedError where the child fails.
        """
        whole = [to_json(question).encode()]
        answer, found = self._worker.ask("decide", whole)
        if answer == _NEEDS_PACK:
            self._worker.ask(json.dumps([f"规则包 {self._digest[:12]}", *self._files]), list(self._files.values()))
            answer, found = self._worker.ask("decide", whole)
        return from_json(Divergence, found[0]) if found else None

    def abort(self) -> None:
        """End the child at once; a question under way fails."""
        self._worker.abort()

    def close(self) -> None:
        """End the child."""
        self._worker.close()


# ---------------------------------------------------------------- child side


class _Shadow:
    def __init__(self) -> None:
        self._book: RuleBook | None = None
        self._evaluator: Reference | None = None
        self._calendar: Calendar | None = None

    def answer(self, text: str, blobs: list[bytes]) -> Answer:
        """Load a pack, or decide a petition by it."""
        if text != "decide":
            label, *names = json.loads(text)
            self._load(label, dict(zip(names, blobs, strict=True)))
            return "", []
        if self._book is None or self._evaluator is None or self._calendar is None:
            return _NEEDS_PACK, []
        question = from_json(Question, blobs[0])
        after = decide(
            question.petition,
            question.candidates,
            rulebook=self._book,
            calendar=self._calendar,
            infer=self._evaluator.infer,
            now=question.received_at,
            engine=self._evaluator.name,
        )
        found = _divergence(question.decision, after, self._book)
        return "", [to_json(found).encode()] if found else []

    def _load(self, label: str, files: Mapping[str, bytes]) -> None:
        try:
            book = load_files(label, files)
        except ConfigError as error:
            raise MalformedMessageError(f"{label} 读不进来：{error}") from error
        self._book, self._evaluator, self._calendar = book, Reference(book.stages), load_calendar()


def _divergence(before: Decision, after: Decision, book: RuleBook) -> Divergence | None:
    changes = differences(before, after, book.district)
    if not changes:
        return None
    went, came = rules_changed(before, after)
    return Divergence(
        live=Stand.of(before),
        shadow=Stand.of(after),
        changes=tuple((one.what, one.before, one.after) for one in changes),
        went=went,
        came=came,
    )


if __name__ == "__main__":
    with contextlib.suppress(OSError):
        os.nice(5)
    serve(_Shadow().answer)
