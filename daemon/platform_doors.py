"""From the [[platform]] and [intake_http] sections to drop folders and the signed door: which platform comes in where, with which secret."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from channels.dropfolder import DropFolder, Dropped
from channels.folder_watch import FolderWatch
from daemon import platform_report
from daemon.config import MIB, Config, FolderSection, HandedSection, HotlineSection, IntakeHttpSection, PlatformSection
from daemon.config_reader import read_secret
from daemon.platform_intake import Delivery, PlatformIntake
from store.errors import ConfigError, Problem

if TYPE_CHECKING:
    from channels.signed_http import Posted, SignedDoor
    from rules.rulebook import RuleBook

_PATH = "/intake/platforms/{sender}"
_SHORTEST_SECRET = 32  # characters: 128 bits even where it is hex
_FILE = "zuozhen.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedFolder:
    """One drop folder, not yet watched, and how often it is looked into."""

    watch: FolderWatch
    poll_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """The doors by which others hand files over, not yet open; `http` is None where nobody comes that way, `signed` are by path."""

    folders: tuple[WatchedFolder, ...]
    http: IntakeHttpSection | None
    signed: Mapping[str, Callable[[], SignedDoor]]

    def __add__(self, other: Doors) -> Doors:
        """Return these doors and the *other* ones."""
        return Doors(folders=self.folders + other.folders, http=self.http, signed={**self.signed, **other.signed})


def open_doors(config: Config, packs: Mapping[str, RuleBook], intake: PlatformIntake, *, now: Callable[[], datetime]) -> Doors:
    """Return what the sections ask for, for the districts with these *packs*; raises ConfigError with the problems of all of them."""
    districts, secrets = check_platforms(config, packs)
    folders = [
        WatchedFolder(watch=_watch(section, section.folder, districts[section.id], intake), poll_s=section.poll_seconds)
        for section in config.platform
        if section.folder is not None
    ]
    return Doors(folders=tuple(folders), http=config.intake_http, signed=_signed(config, secrets, districts, intake, now))


def check_platforms(config: Config, packs: Mapping[str, RuleBook]) -> tuple[dict[str, str], dict[str, Sequence[bytes]]]:
    """Return the district and, where there are any, the secrets of each platform; raises ConfigError with the problems of all of them."""
    problems = _doubles(config.platform)
    districts: dict[str, str] = {}
    secrets: dict[str, Sequence[bytes]] = {}
    for index, section in enumerate(config.platform):
        try:
            districts[section.id] = _district(section, index, packs)
            if found := secrets_of(section):
                secrets[section.id] = found
        except ConfigError as error:
            problems.extend(error.problems)
    problems += _http_problems(config)
    if problems:
        raise ConfigError(problems)
    return districts, secrets


@asynccontextmanager
async def opened_http(doors: Doors) -> AsyncIterator[dict[str, int]]:
    """Keep the signed door open meanwhile, where there is one; yields its port by the name of the door. Raises UsageError as `served`."""
    if doors.http is None:
        yield {}
        return
    from channels.signed_http import application  # noqa: PLC0415 - 0.3 s of imports that only those pay who want the door
    from daemon.http_server import served  # noqa: PLC0415 - likewise

    http = doors.http
    async with served(
        application({path: build() for path, build in doors.signed.items()}),
        http.listen,
        section="intake_http",
        certificate=http.certificate,
        key=http.key,
    ) as port:
        yield {"intake_http": port}


def _signed(
    config: Config,
    secrets: Mapping[str, Sequence[bytes]],
    districts: Mapping[str, str],
    intake: PlatformIntake,
    now: Callable[[], datetime],
) -> Mapping[str, Callable[[], SignedDoor]]:
    http = config.intake_http
    if http is None:
        return {}

    async def take(posted: Posted) -> Mapping[str, object]:
        delivery = Delivery(
            district=districts[posted.sender], platform=posted.sender, door="http", key=posted.key, raw=posted.body, peer=posted.peer
        )
        receipt = await intake.accept(delivery)
        return platform_report.answer(receipt.batch, receipt.batch_id, is_new=receipt.is_new)

    def build() -> SignedDoor:
        from channels.signed_http import SignedDoor  # noqa: PLC0415 - 0.3 s of imports that only those pay who want the door

        return SignedDoor(secrets, take, now=now, max_size=http.max_size_mb * MIB, window=timedelta(seconds=http.window_seconds))

    return {_PATH: build}


def _watch(section: PlatformSection, path: Path, district: str, intake: PlatformIntake) -> FolderWatch:
    folder = DropFolder(path, after=section.after, max_size=section.max_size_mb * MIB)

    async def take(dropped: Dropped) -> str:
        name = dropped.name.encode("utf-8", "replace").decode()  # a name in GBK, as old archives hold them
        delivery = Delivery(district=district, platform=section.id, door="folder", key=dropped.key, raw=dropped.raw, name=name)
        receipt = await intake.accept(delivery)
        return platform_report.report(receipt.batch, receipt.batch_id, is_new=receipt.is_new)

    return FolderWatch(f"platform:{section.id}", folder, take)


def district_of(section: FolderSection, key: str, districts: Sequence[str]) -> str:
    """Return the district a section belongs to, the only one where it does not say; raises ConfigError. *key* is the section's."""
    known = "、".join(districts)
    if section.district:
        district = section.district
    elif len(districts) == 1:
        district = districts[0]
    else:
        raise ConfigError([Problem(place=_FILE, key=f"{key}.district", message="有几个区，须写明归哪个区", remedy=f"可用的有：{known}")])
    if district not in districts:
        raise ConfigError([Problem(place=_FILE, key=f"{key}.district", message=f"没有代号为 {district} 的区", remedy=f"可用的有：{known}")])
    return district


def _district(section: PlatformSection, index: int, packs: Mapping[str, RuleBook]) -> str:
    """Return the district of a platform, whose pack has a mapping for it."""
    key = f"platform.{index}"
    district = district_of(section, key, list(packs))
    mappings = packs[district].platforms
    if section.id not in mappings:
        remedy = f"在规则包里写 platforms/{section.id}.yaml；已有的：{'、'.join(mappings) or '（没有）'}"
        raise ConfigError([Problem(place=_FILE, key=f"{key}.id", message=f"规则包里没有平台 {section.id} 的映射文件", remedy=remedy)])
    return district


def secrets_of(section: HandedSection) -> tuple[bytes, ...]:
    """Return the secrets of a section, one a line: two while a key is being changed."""
    secret = read_secret(section)
    if secret is None:
        return ()
    lines = tuple(line.strip().encode() for line in secret.get_secret_value().splitlines() if line.strip())
    if not lines or any(len(line) < _SHORTEST_SECRET for line in lines):
        message = f"密钥太短，每行至少 {_SHORTEST_SECRET} 个字符"
        kind = "hotline" if isinstance(section, HotlineSection) else "platform"
        problem = Problem(place=_FILE, key=f"{kind} {section.id}", message=message, remedy="用 openssl rand -hex 32 生成")
        raise ConfigError([problem])
    return lines


def _doubles(sections: Sequence[PlatformSection]) -> list[Problem]:
    """Two sections for one platform, or one folder for two, would take the same rows twice under different names."""
    problems: list[Problem] = []
    ids, folders = set[str](), set[object]()
    for index, section in enumerate(sections):
        if section.id in ids:
            problems.append(Problem(place=_FILE, key=f"platform.{index}.id", message=f"平台 {section.id} 写了两次", remedy="合成一节"))
        if section.folder is not None and section.folder in folders:
            message = f"目录 {section.folder} 已归另一个平台"
            problems.append(Problem(place=_FILE, key=f"platform.{index}.folder", message=message, remedy="每个平台一个目录"))
        ids.add(section.id)
        folders.add(section.folder)
    return problems


def _http_problems(config: Config) -> list[Problem]:
    with_key = [section.id for section in (*config.platform, *config.hotline) if section.has_key]
    if config.intake_http is not None and with_key:
        return _check_certificate(config.intake_http)
    if config.intake_http is not None:
        remedy = "在 [[platform]] 或 [[hotline]] 里写 key_file 或 credential，或去掉 [intake_http]"
        return [Problem(place=_FILE, key="intake_http", message="打开了接口，但没有一个平台、热线有密钥", remedy=remedy)]
    if with_key:
        message = f"{'、'.join(with_key)} 有密钥，但没有打开接口"
        return [Problem(place=_FILE, key="intake_http", message=message, remedy="写 [intake_http] 一节")]
    return []


def _check_certificate(section: IntakeHttpSection) -> list[Problem]:
    if section.certificate is None:
        return []
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(section.certificate, section.key)
    except (OSError, ssl.SSLError):
        return [Problem(place=str(section.certificate), key="certificate", message="证书或私钥用不了", remedy="检查路径、权限、是否配对")]
    return []
