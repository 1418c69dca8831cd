"""From the [[hotline]] sections to drop folders and the signed door: which hotline's calls come in where, with which secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from channels.dropfolder import DropFolder, Dropped
from channels.folder_watch import FolderWatch
from daemon.call_intake import CallIntake, HandedCalls, KeptCall
from daemon.config import MIB, Config, HotlineSection
from daemon.platform_doors import Doors, WatchedFolder, district_of, secrets_of
from store.errors import ConfigError, MalformedMessageError, Problem, RepeatedKeyError

if TYPE_CHECKING:
    from channels.signed_http import Posted, SignedDoor

PATH, PATH_OF_THE_ONLY_ONE = "/intake/hotline/{sender}", "/intake/hotline"
_FILE = "zuozhen.toml"
_LISTED = 200  # calls listed in an answer or a report


def open_hotlines(config: Config, districts: Sequence[str], intake: CallIntake, *, now: Callable[[], datetime]) -> Doors:
    """Return the doors of the hotlines; raises ConfigError with the problems of all of them."""
    belongs, secrets = check_hotlines(config, districts)
    folders = tuple(
        WatchedFolder(watch=_watch(section, belongs[section.id], intake), poll_s=section.poll_seconds)
        for section in config.hotline
        if section.folder is not None
    )
    return Doors(folders=folders, http=config.intake_http, signed=_signed(config, secrets, belongs, intake, now))


def check_hotlines(config: Config, districts: Sequence[str]) -> tuple[dict[str, str], dict[str, Sequence[bytes]]]:
    """Return the district and, where there are any, the secrets of each hotline; raises ConfigError with the problems of all of them."""
    problems: list[Problem] = []
    belongs: dict[str, str] = {}
    secrets: dict[str, Sequence[bytes]] = {}
    folders = {section.folder for section in config.platform if section.folder is not None}
    for index, section in enumerate(config.hotline):
        key = f"hotline.{index}"
        if section.id in belongs:
            problems.append(Problem(place=_FILE, key=f"{key}.id", message=f"热线 {section.id} 写了两次", remedy="合成一节"))
        if section.folder is not None and section.folder in folders:
            problems.append(Problem(place=_FILE, key=f"{key}.folder", message=f"目录 {section.folder} 已有别的用处", remedy="各用各的目录"))
        if section.folder is not None:
            folders.add(section.folder)
        try:
            belongs[section.id] = district_of(section, key, districts)
            if found := secrets_of(section):
                secrets[section.id] = found
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    return belongs, secrets


def _signed(
    config: Config, secrets: Mapping[str, Sequence[bytes]], belongs: Mapping[str, str], intake: CallIntake, now: Callable[[], datetime]
) -> Mapping[str, Callable[[], SignedDoor]]:
    """Return the signed doors by path: one a hotline, and where there is one only, its short path as well."""
    http = config.intake_http
    if http is None or not secrets:
        return {}
    only = next(iter(secrets)) if len(secrets) == 1 else None

    async def take(posted: Posted) -> Mapping[str, object]:
        hotline = posted.sender or only or ""
        handed = HandedCalls(
            district=belongs[hotline], hotline=hotline, door="http", key=f"http:{posted.key}", raw=posted.body, peer=posted.peer
        )
        return _answer(await intake.accept(handed))

    def door(keys: Mapping[str, Sequence[bytes]]) -> Callable[[], SignedDoor]:
        def build() -> SignedDoor:
            from channels.signed_http import SignedDoor  # noqa: PLC0415 - 0.3 s of imports that only those pay who want the door

            return SignedDoor(keys, take, now=now, max_size=http.max_size_mb * MIB, window=timedelta(seconds=http.window_seconds))

        return build

    return {PATH: door(secrets), **({PATH_OF_THE_ONLY_ONE: door({"": secrets[only]})} if only else {})}


def _watch(section: HotlineSection, district: str, intake: CallIntake) -> FolderWatch:
    assert section.folder is not None  # noqa: S101 - the caller asks only those that have one
    folder = DropFolder(section.folder, after=section.after, max_size=section.max_size_mb * MIB)

    async def take(dropped: Dropped) -> str:
        handed = HandedCalls(district=district, hotline=section.id, door="folder", key=f"folder:{dropped.key}", raw=dropped.raw)
        try:
            return _report(await intake.accept(handed))
        except RepeatedKeyError as error:  # the file is put aside with the reason, nothing of it is lost
            raise MalformedMessageError(str(error)) from error

    return FolderWatch(f"hotline:{section.id}", folder, take)


def _answer(calls: Sequence[KeptCall]) -> dict[str, object]:
    listed = [{"call_id": call.call_id, "arrival": f"A-{call.arrival_id}", "is_new": call.is_new} for call in calls[:_LISTED]]
    return {"calls": len(calls), "new": sum(call.is_new for call in calls), "listed": listed}


def _report(calls: Sequence[KeptCall]) -> str:
    lines = [
        f"{call.call_id or '（没有通话编号）'}：来件 A-{call.arrival_id}{'' if call.is_new else '（以前收过）'}" for call in calls[:_LISTED]
    ]
    more = [f"……另有 {len(calls) - _LISTED} 次"] if len(calls) > _LISTED else []
    return "\n".join([f"收到通话 {len(calls)} 次，其中新的 {sum(call.is_new for call in calls)} 次。", *lines, *more])
