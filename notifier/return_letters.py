"""What is written about a return that came by mail: to whoever sent it, and to the coordinator where a person must look. Sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from notifier.dates import in_full, plain_date
from notifier.plain import line
from notifier.view import department, of_subject
from store.model.letter import Address
from store.model.notice import Notice, Purpose
from store.model.reply_sender import COORDINATOR, office_of_department

if TYPE_CHECKING:
    from notifier.compose import Composer
    from store.model.district import District

_TITLE, _DOUBT, _MOST = 60, 160, 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that came: its name, the words by which it was known, what it was to speak of and does not."""

    key: str
    words: Sequence[str]
    lacks: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Of how many days of a period is known after this mail, and how many are asked for."""

    key: str
    done: int
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What one mail of an office came to. `owed` is what it still owes, by name and last day; `candidates` are names with the kind's id."""

    arrival: int
    title: str
    received: Sequence[Item] = ()
    already: Sequence[str] = ()
    visits: Sequence[tuple[date, str]] = ()
    counted: Sequence[Counted] = ()
    doubts: Sequence[str] = ()
    owed: Sequence[tuple[str, date]] = ()
    candidates: Sequence[tuple[str, str]] = ()


class ReturnLetters:
    """Writes the letters about what the offices of one district hand in."""

    def __init__(self, composer: Composer, district: District, today: date) -> None:
        """Write with *composer*, whose template `return` these are."""
        self._composer, self._district, self._today = composer, district, today

    def to_sender(self, about: str, receipt: Receipt, address: str, owner: str) -> Notice:
        """Return the answer to the office *owner* ("" for the coordinator) at the *address* that wrote, kept at *about*."""
        name = self._name(owner)
        office = office_of_department(owner) if owner else COORDINATOR
        return self._notice(about, "receipt", receipt, Address(name=name, address=address), name, office)

    def to_coordinator(self, about: str, receipt: Receipt, owner: str) -> list[Notice]:
        """Return the mail that asks the coordinator to look; none where he has no address."""
        address = self._composer.recipients.coordinator
        if address is None:
            return []
        return [self._notice(about, "review", receipt, address, self._name(owner), COORDINATOR)]

    def _notice(self, about: str, event: str, receipt: Receipt, to: Address, sender: str, office: str) -> Notice:
        names = {**of_subject(about, self._district), "addressee": to.name or self._district.coordinator}
        written = self._composer.wording.write(Purpose.RETURN, {**names, "returned": self._view(event, receipt, sender)})
        return Notice(
            purpose=Purpose.RETURN,
            to=to,
            subject=written.subject,
            text=written.text,
            html=written.html,
            attach_original=False,
            round=f"{event} A-{receipt.arrival}",
            office=office,
        )

    def _view(self, event: str, receipt: Receipt, sender: str) -> dict[str, object]:
        commands = [
            f"zuozhen activity receive '{key}' {kind} --by 姓名 --arrival A-{receipt.arrival}" for key, kind in receipt.candidates[:_MOST]
        ]
        commands.append(f"zuozhen case confirm A-{receipt.arrival} --by 姓名 --reason 不是应报送的")
        return {
            "event": event,
            "arrival": f"A-{receipt.arrival}",
            "sender": sender,
            "subject": line(receipt.title, _TITLE) or "（无主题）",
            "received": [
                {"key": one.key, "words": "".join(f"“{line(word, _TITLE)}”" for word in one.words), "lacks": "、".join(one.lacks)}
                for one in receipt.received
            ],
            "already": list(receipt.already),
            "visits": [{"day": plain_date(day), "words": line(words, _TITLE)} for day, words in receipt.visits],
            "counted": [
                {"key": one.key, "done": one.done, "times": one.times, "lacking": max(0, one.times - one.done)} for one in receipt.counted
            ],
            "doubts": [line(doubt, _DOUBT) for doubt in receipt.doubts[:_MOST]],
            "owed": [{"key": key, "date": in_full(day), "late": day < self._today} for key, day in receipt.owed[:_MOST]],
            "more": max(0, len(receipt.owed) - _MOST),
            "commands": commands if event == "review" else [],
        }

    def _name(self, owner: str) -> str:
        return department(owner, self._district).name if owner else self._district.coordinator
