"""Lets happen in a drill what its script says: mails come in, people act. Done again after a kill, nothing happens twice."""

from __future__ import annotations

from dataclasses import replace

from daemon.activities import Activities, Told
from daemon.casework import Details
from daemon.drill.events import NOTE, Deed
from daemon.rehearsal import Message, keep, keep_record
from daemon.review import Act
from daemon.wiring import House
from store.drills import Drills
from store.errors import MalformedMessageError, TemporaryError, UsageError
from store.life import BY_NAME
from store.model.arrival import Channel, StoredArrival
from store.owing import Happening

_TRIES = 3  # over a mail whose reader died, as the service does
_OPENED_BY_HAND = "case.decided"


class Stage:
    """Where the script is played: one house of one district."""

    def __init__(self, house: House) -> None:
        """Play in *house*, whose time stands at the moment of what happens."""
        self._house = house
        self._drills = Drills(house.stores.database)
        self._activities = Activities(offices=house.rooms, subjects=house.stores.subjects, now=house.now)

    async def play(self, item: Message | Deed) -> None:
        """Let *item* happen. Raises UsageError where it is not possible, TemporaryError where the machine is the trouble."""
        if isinstance(item, Message):
            await self._arrive(item)
        elif item.happening is not None:
            await self._happen(item, item.happening)
        else:
            await self._act(item)

    async def _arrive(self, mail: Message) -> None:
        arrival = await self._kept(mail)
        for tries_left in reversed(range(_TRIES)):
            try:
                await self._house.pipeline.process(arrival)
            except MalformedMessageError as error:
                await self._house.stores.arrivals.quarantine(arrival.id, str(error), self._house.now())
            except TemporaryError:
                if not tries_left:
                    raise
                continue
            return

    async def _kept(self, mail: Message) -> StoredArrival:
        if mail.channel is not Channel.PLATFORM:
            return await keep(self._house, mail)
        try:
            record = await keep_record(self._house, mail)
        except MalformedMessageError as error:
            raise UsageError(f"“{mail.source}”：{error}") from error
        return await self._house.stores.arrivals.get(record.arrival_id)

    async def _happen(self, deed: Deed, happening: Happening) -> None:
        (district,) = self._house.rooms
        if await self._was_said(district, deed, happening):
            return
        if not await self._activities.happen(district, happening, Told(by=deed.by, reason=deed.reason)):
            raise UsageError(f"“{happening.key}”没有变化：先前已登记，或没有在等的这一样")

    async def _was_said(self, district: str, deed: Deed, happening: Happening) -> bool:
        """Say whether the history has this very deed already, as for a case."""
        subjects = self._house.stores.subjects
        try:
            subject = await subjects.get(district, happening.key)
        except UsageError:  # not announced yet
            return False
        history = await subjects.history(subject.id)
        return any(past.at == deed.at and past.actor == deed.by and past.kind == f"subject.{happening.event}" for past in history)

    async def _act(self, event: Deed) -> None:
        key = await self._key(event.case)
        if await self._is_done(key, event):
            return
        act, review = Act(by=event.by, reason=event.reason), self._house.review
        match event.event:
            case "confirm":
                await review.confirm(key, act)
            case "overrule" if event.correction is not None:
                await review.overrule(key, event.correction, act)
            case "assign":
                await review.assign(key, event.details.department, event.accompany, act)
            case word if word == NOTE:
                await review.note(key, act)
            case word:
                await self._house.casework.do(key, word, event.role, act, await self._details(event))

    async def _details(self, event: Deed) -> Details:
        said = event.details
        return replace(said, of=await self._key(said.of)) if said.of else said

    async def _key(self, name: str) -> str:
        key = await self._drills.case_of(name)
        if not key:
            raise UsageError(f"来件“{name}”没有读出来，在隔离区，不能对它做什么")
        return key

    async def _is_done(self, key: str, event: Deed) -> bool:
        """Say whether the history of the case has this very act already: the process was killed behind it."""
        if key.startswith("A-"):
            return False  # to confirm that again changes nothing, and an overruled one has a case
        case = await self._house.stores.cases.get(key)
        step = BY_NAME.get(event.event)
        kinds = {step.kind if step else "case.noted", _OPENED_BY_HAND}
        history = await self._house.stores.cases.history(case.id)
        return any(past.at == event.at and past.actor == event.by and past.kind in kinds for past in history)
