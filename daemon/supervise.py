"""Runs the service: doors, pipeline and sender in one task group; signals; stop order; reload of packs and addresses.

Stop order: doors first (nothing new comes in), then the pipeline finishes what it has in hand, then the sender, then store and children.
A second signal ends at once; nothing is lost by that, it only takes longer to start again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog

from channels.imap_watch import Watcher
from channels.smtp import Listener, Reception
from daemon.config import MIB, Config, DoorSection
from daemon.districts import DistrictFiles, load_districts
from daemon.following import Following, swap
from daemon.health.attend import Watch, attended
from daemon.missing_notice import report_calendar
from daemon.pipeline import DistrictRoom
from daemon.platform_doors import Doors, opened_http
from daemon.rulebooks import load_ordered, order_folders
from daemon.shadowing import Shadowing
from daemon.upkeep import Upkeep
from daemon.waiting import first_of
from daemon.wiring import House, keep_packs, open_rooms
from rules.rulebook import pack_folder
from rules.workbench.base import read_base
from store.errors import ConfigError, Problem, StoreUnavailableError, TemporaryError, UsageError, ZuozhenError
from store.model.arrival import Accepted, Arrival
from store.orders import Origin

log = structlog.get_logger()

_PAUSES = (1.0, 5.0, 30.0)
_KILLED = 130  # exit code after a second signal


async def serve(house: House, stop: asyncio.Event, *, started: Callable[[dict[str, int]], None] = lambda _: None) -> None:
    """Run until *stop* is set, which SIGTERM and SIGINT do; *started* is told the ports by protocol once the doors are open.

    Raises ConfigError for a certificate that cannot be used, UsageError for an address that cannot be bound.
    """
    drained = asyncio.Event()
    doors = receptions(house)
    house.pipeline.on_recorded(lambda _arrival, _outcome: house.sender.wake())
    house.pipeline.on_recorded(house.metrics.decided)
    shadowing = Shadowing(house)
    house.pipeline.on_recorded(shadowing.heard)
    house.clock.on_written(house.sender.wake)
    house.sessions.on_written(house.sender.wake)
    house.pipeline.on_recorded(lambda _arrival, _outcome: house.grouping.wake())
    house.grouping.on_written(house.sender.wake)
    house.sender.on_tried(house.metrics.tried)
    for room in house.rooms.values():
        _report_degraded(room)
    try:
        async with attended(house) as watch, asyncio.TaskGroup() as parts:
            _on_signals(house, stop, watch)
            parts.create_task(keep_running("sender", lambda: house.sender.run(drained), drained), name="sender")
            parts.create_task(keep_running("clock", lambda: house.clock.run(stop), stop), name="clock")
            parts.create_task(keep_running("sessions", lambda: house.sessions.run(stop), stop), name="sessions")
            parts.create_task(_pipeline_then(house, stop, drained), name="pipeline")
            following = Following(house, house.config.name or socket.gethostname())
            parts.create_task(keep_running("following", lambda: following.run(stop), stop), name="following")
            parts.create_task(shadowing.run(stop), name="shadow")
            upkeep = Upkeep(districts=house.rooms, matching=house.stores.matching)
            parts.create_task(keep_running("upkeep", lambda: upkeep.run(stop), stop), name="upkeep")
            parts.create_task(keep_running("grouping", lambda: house.grouping.run(stop), stop), name="grouping")
            parts.create_task(keep_running("platforms", lambda: house.intake.run(stop), stop), name="platforms")
            for folder in house.doors.folders:
                parts.create_task(folder.watch.run(stop, poll_s=folder.poll_s), name=folder.watch.door)
            await _run_doors(Entrances(doors=doors, watchers=house.watchers, platforms=house.doors), stop, started, watch)
    except ExceptionGroup as group:
        for error in group.exceptions:
            if isinstance(error, ZuozhenError):  # a door that cannot open: the operator reads the words, not a traceback
                raise error from group
        raise
    log.info("service.stopped")


def _report_degraded(room: DistrictRoom) -> None:
    if room.engine.degraded:
        log.error("engine.degraded", district=room.rulebook.district.id, reason=room.engine.degraded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrances:
    """All ways by which messages come in."""

    doors: Sequence[Reception]
    watchers: Sequence[Watcher]
    platforms: Doors


async def _run_doors(entrances: Entrances, stop: asyncio.Event, started: Callable[[dict[str, int]], None], watch: Watch) -> None:
    """Keep doors and mailboxes open until *stop*. A door that cannot open ends the whole service; a mailbox that cannot is tried again."""
    async with AsyncExitStack() as opened:
        for door in entrances.doors:
            await door.start()
            opened.push_async_callback(door.stop)
        opened.push_async_callback(_leave, entrances.watchers)
        for watcher in entrances.watchers:
            watcher.start()
        http = await opened.enter_async_context(opened_http(entrances.platforms))
        ports = {**{str(door.listener.protocol): door.port for door in entrances.doors}, **http}
        log.info("service.started", ports=ports)
        watch.opened(ports)
        started(ports)
        await stop.wait()
        log.info("service.stopping")
        watch.closing()


async def _leave(watchers: Sequence[Watcher]) -> None:
    """Stop reading the mailboxes, all at once: each may have something in hand or a server that hangs."""
    await asyncio.gather(*(asyncio.to_thread(watcher.stop) for watcher in watchers))


async def _pipeline_then(house: House, stop: asyncio.Event, drained: asyncio.Event) -> None:
    """Run the pipeline; once it has finished what it had in hand, let the sender finish too."""
    await keep_running("pipeline", lambda: house.pipeline.run(stop), stop)
    drained.set()


async def keep_running(name: str, part: Callable[[], Awaitable[None]], stop: asyncio.Event, *, pauses: tuple[float, ...] = _PAUSES) -> None:
    """Run *part* again after a TemporaryError, with growing pauses (seconds), unless *stop* is set; let bugs through."""
    failures = 0
    while True:
        try:
            return await part()
        except TemporaryError as error:
            pause = pauses[min(failures, len(pauses) - 1)]
            failures += 1
            log.warning("part.failed", part=name, retry_in_s=pause, error=str(error))
        await first_of(stop, timeout_s=pause)
        if stop.is_set():
            return None


def receptions(house: House) -> list[Reception]:
    """Return the doors that the configuration asks for, not yet open; raises ConfigError with the problems of all of them."""

    async def accept(arrivals: Sequence[Arrival]) -> list[Accepted]:
        try:
            accepted = await house.stores.arrivals.accept(arrivals)
        except BaseException:
            house.metrics.put_off(arrivals)
            raise
        house.metrics.accepted(arrivals, accepted)
        house.pipeline.wake()
        return accepted

    check_doors(house.config)
    return [
        Reception(_listener(protocol, section), recipients=house.recipients, accept=accept, now=house.now)
        for protocol, section in _doors(house.config)
    ]


def check_doors(config: Config) -> None:
    """Raise ConfigError where there is no door, or where a certificate cannot be used; opens nothing."""
    problems: list[Problem] = []
    for _, section in _doors(config):
        try:
            _tls(section)
        except ConfigError as error:
            problems.extend(error.problems)
    if not (_doors(config) or config.mailbox or config.platform or config.hotline or any(section.folder for section in config.fax)):
        problems.append(
            Problem(
                place="zuozhen.toml",
                key="smtp",
                message="没有收件的门",
                remedy="写 [[mailbox]]、[smtp]、[lmtp]、[[platform]]、[[hotline]] 或有 folder 的 [[fax]] 一节",
            )
        )
    if problems:
        raise ConfigError(problems)


def _doors(config: Config) -> list[tuple[str, DoorSection]]:
    return [(protocol, section) for protocol, section in (("smtp", config.smtp), ("lmtp", config.lmtp)) if section is not None]


def _listener(protocol: str, section: DoorSection) -> Listener:
    host, _, port = section.listen.rpartition(":")
    is_socket = section.listen.startswith("unix:")
    return Listener(
        host="" if is_socket else host.strip("[]"),
        port=0 if is_socket else int(port),
        path=section.listen.removeprefix("unix:") if is_socket else "",
        protocol="lmtp" if protocol == "lmtp" else "smtp",
        hostname=section.hostname or socket.getfqdn(),
        max_size=section.max_size_mb * MIB,
        tls=_tls(section),
        require_tls=section.require_tls,
    )


def _tls(section: DoorSection) -> ssl.SSLContext | None:
    if section.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(section.certificate, section.key)
    except (OSError, ssl.SSLError) as error:
        problem = Problem(place=str(section.certificate), key="certificate", message="证书或私钥用不了", remedy="检查路径、权限、是否配对")
        raise ConfigError([problem]) from error
    return context


def _on_signals(house: House, stop: asyncio.Event, watch: Watch) -> None:
    loop = asyncio.get_running_loop()
    reloading: set[asyncio.Task[None]] = set()

    def ask_to_stop() -> None:
        if stop.is_set():
            log.warning("service.killed")
            os._exit(_KILLED)
        stop.set()

    def ask_to_reload() -> None:
        task = asyncio.ensure_future(_reload(house, watch))
        reloading.add(task)
        task.add_done_callback(reloading.discard)
        task.add_done_callback(_report_failure)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask_to_stop)
    loop.add_signal_handler(signal.SIGHUP, ask_to_reload)


def _report_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("rulebook.reload_failed", exc_info=error)


def _check_same_districts(house: House, districts: Sequence[DistrictFiles]) -> None:
    problems = [
        Problem(place=files.section.pack, key="district.id", message=f"区的代号变成了 {id_}", remedy="改回原来的代号，或停止服务后重新启动")
        for files in districts
        if (id_ := files.rulebook.district.id) not in house.rooms
    ]
    if problems:
        raise ConfigError(problems)


async def _reload(house: House, watch: Watch) -> None:
    result = "failed"
    watch.reloading()
    try:
        result = "done" if await reload(house) else "refused"
    finally:
        watch.reloaded(result)


async def _order(house: House, districts: Sequence[DistrictFiles], fresh: Mapping[str, DistrictRoom]) -> None:
    """Order the packs of the folders, for the other services too; where that fails the *fresh* rooms are closed again."""
    try:
        await order_folders(house.stores.orders, districts, actor="SIGHUP", now=house.now())
    except BaseException:
        for room in fresh.values():
            await asyncio.to_thread(room.engine.close)
        raise


async def _meant(house: House, files: DistrictFiles) -> DistrictFiles:
    """Return *files* with the pack that is to be decided by: the folder's, but not where a person ordered one that it does not come from.

    The same signal reads addresses and days afresh: a folder that was left as it was must not undo the order on the way. Where the ordered
    pack cannot be loaded, the folder's is taken, as at a start.
    """
    section, book = files.section, files.rulebook
    order = await house.stores.orders.newest(book.district.id)
    if order is None or order.origin is Origin.FOLDER:
        return files
    if order.digest in {book.digest, await asyncio.to_thread(read_base, pack_folder(section.pack))}:
        return files
    try:
        ordered = await load_ordered(house.stores.packs, order, section, house.config.calendar.folder)
    except (ConfigError, UsageError):
        return files
    log.warning("rulebook.folder_differs", district=book.district.id, digest=order.digest, folder=book.digest)
    return ordered


async def reload(house: House) -> bool:
    """Read packs and addresses again and swap them in together; on any problem everything stays as it was, and False is returned."""
    try:
        districts = await asyncio.to_thread(load_districts, house.config.district, house.config.calendar.folder)
        _check_same_districts(house, districts)
        districts = [await _meant(house, files) for files in districts]
        await keep_packs(house.stores.packs, districts, now=house.now())
        fresh = await asyncio.to_thread(open_rooms, districts, workers=house.config.limits.rule_workers)
        await _order(house, districts, fresh)
    except ConfigError as error:
        log.error("rulebook.reload_refused", problems=[str(problem) for problem in error.problems])  # noqa: TRY400 - the list says it all
        return False
    except StoreUnavailableError as error:  # what cannot be kept could never be proved
        log.error("rulebook.reload_refused", problems=[str(error)])  # noqa: TRY400 - likewise
        return False
    await swap(house, fresh)
    for id_ in fresh:
        _report_degraded(house.rooms[id_])
        report_calendar(house.rooms[id_], house.now())
    house.clock.calendar_changed()
    house.sender.senders = {files.rulebook.district.id: files.addresses.sender for files in districts}
    return True
