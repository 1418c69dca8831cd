"""Reads `zuozhen.toml` and the address files, and tells every problem at once in Chinese with file, key path and remedy.

Secrets are read from files or systemd credentials at the moment they are needed and are never part of a printed value.
"""

from __future__ import annotations

import os
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from daemon.config import (
    AddressBook,
    CalendarSection,
    Config,
    DistrictSection,
    DoorSection,
    HandedSection,
    HotlineSection,
    IntakeHttpSection,
    MailboxSection,
    PlatformSection,
    RelaySection,
    StoreSection,
)
from store.errors import ConfigError, Problem
from store.trouble import reason

Shape = TypeVar("Shape", Config, AddressBook)
Handed = TypeVar("Handed", bound=HandedSection)


def load_config(path: Path) -> Config:
    """Read and check *path*; raises ConfigError with every problem. Relative paths become absolute, from the file's folder."""
    config = _load(path, Config)
    folder = path.resolve().parent
    problems = _double_mailboxes(path, config)
    if problems:
        raise ConfigError(problems)
    return _absolute(config, folder)


def readable_districts(path: Path) -> tuple[DistrictSection, ...]:
    """Return the districts of a configuration that is wrong elsewhere, as far as they name their files, so that these can be checked too."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("district")
    except (OSError, ValueError):
        return ()
    folder = path.resolve().parent
    return tuple(
        DistrictSection(pack=_pack_path(pack, folder), mailboxes=("unknown@example.org",), addresses=folder / addresses)
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict) and isinstance(pack := entry.get("pack"), str) and isinstance(addresses := entry.get("addresses"), str)
    )


def load_addresses(path: Path, departments: set[str] | None) -> AddressBook:
    """Read and check one address file; raises ConfigError with every problem.

    *departments* are the ids of its pack, None where the pack itself could not be loaded and nothing can be said of them.
    """
    book = _load(path, AddressBook)
    if departments is None:
        return book
    problems = [
        Problem(place=str(path), key=f"departments.{name}", message="规则包里没有这个部门代号", remedy=_close(name, departments))
        for name in book.departments
        if name not in departments
    ]
    if problems:
        raise ConfigError(problems)
    return book


def read_secret(section: RelaySection | MailboxSection | StoreSection | HandedSection) -> SecretStr | None:
    """Return a password of the relay, a mailbox or the database, or a platform's key, from its file or systemd credential.

    Raises ConfigError where it cannot be read.
    """
    if section.credential:
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        path = Path(folder or "/nonexistent") / section.credential
        remedy = f"在服务单元中写 LoadCredential={section.credential}:文件路径"
    elif file := _secret_file(section):
        path, remedy = file, "检查路径与权限（应为 600，属主为运行用户）"
    else:
        return None
    try:
        return SecretStr(path.read_text(encoding="utf-8").strip())
    except OSError as error:
        why = reason(error)
        key, whose = _whose(section)
        problem = Problem(place=str(path), key=key, message=f"读不到{whose}：{why}", remedy=remedy)
        raise ConfigError([problem]) from error


def secret_files(config: Config) -> list[Path]:
    """Return the files in which *config* keeps passwords and keys; those of systemd are its own business."""
    sections: list[RelaySection | MailboxSection | StoreSection | HandedSection]
    sections = [config.store, config.relay, *config.mailbox, *config.platform, *config.hotline]
    return list(dict.fromkeys(file for section in sections if not section.credential and (file := _secret_file(section))))


def _secret_file(section: RelaySection | MailboxSection | StoreSection | HandedSection) -> Path | None:
    return section.key_file if isinstance(section, HandedSection) else section.password_file


def _whose(section: RelaySection | MailboxSection | StoreSection | HandedSection) -> tuple[str, str]:
    if isinstance(section, PlatformSection):
        return f"platform {section.id}", "平台的密钥"
    if isinstance(section, HotlineSection):
        return f"hotline {section.id}", "热线的密钥"
    if isinstance(section, StoreSection):
        return "store", "数据库口令"
    return (f"mailbox {section.name}", "邮箱口令") if isinstance(section, MailboxSection) else ("relay", "发信口令")


def _load(path: Path, kind: type[Shape]) -> Shape:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        remedy = "先执行 zuozhen init 目录 生成，或用 --config 指定" if kind is Config else "检查 [[district]] 的 addresses"
        raise ConfigError([Problem(place=str(path), key="", message=f"打不开：{reason(error)}", remedy=remedy)]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(place=str(path), key="", message="不是 UTF-8 文本", remedy="另存为 UTF-8 编码")]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Problem(place=str(path), key="", message=f"TOML 语法错误：{error}", remedy="按提示的行列改正")]) from error
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise ConfigError([_problem(path, kind, detail) for detail in _without_echoes(error.errors())]) from error


def _without_echoes(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Drop "too short" of a list whose items are themselves reported: the items were there, only wrong."""

    def is_echo(detail: ErrorDetails) -> bool:
        depth = len(detail["loc"])
        return detail["type"] == "too_short" and any(
            len(other["loc"]) > depth and other["loc"][:depth] == detail["loc"] for other in details
        )

    return [detail for detail in details if not is_echo(detail)]


_MESSAGES = {
    "missing": "缺少这一项",
    "extra_forbidden": "不认识这一项",
    "int_parsing": "应为整数",
    "int_type": "应为整数",
    "float_parsing": "应为数字",
    "float_type": "应为数字",
    "bool_parsing": "应为 true 或 false",
    "bool_type": "应为 true 或 false",
    "string_type": "应为带引号的文字",
    "path_type": "应为带引号的路径",
    "dict_type": "应为一组“键 = 值”",
    "model_type": "应为一节（[节名]），不是单个值",
    "model_attributes_type": "应为一节（[节名]），不是单个值",
    "tuple_type": "应为列表（[ … ]）",
    "list_type": "应为列表（[ … ]）",
    "date_parsing": "应为日期，如 2026-11-30",
    "date_from_datetime_parsing": "应为日期，如 2026-11-30",
    "date_from_datetime_inexact": "应为日期，不带时刻，如 2026-11-30",
    "date_type": "应为日期，如 2026-11-30",
    "string_too_short": "不得为空",
}


def _problem(path: Path, kind: type[BaseModel], detail: ErrorDetails) -> Problem:
    where = ".".join(str(part) for part in detail["loc"])
    context = detail.get("ctx", {})
    message = _MESSAGES.get(detail["type"], detail["msg"])
    remedy = ""
    match detail["type"]:
        case "extra_forbidden":
            remedy = _close(str(detail["loc"][-1]), _known_keys(kind, detail["loc"][:-1]))
        case "missing":
            remedy = _description(kind, detail["loc"])
        case "greater_than_equal":
            message = f"不得小于 {context['ge']}"
        case "less_than_equal":
            message = f"不得大于 {context['le']}"
        case "too_short":
            message = "至少要有一项"
        case "literal_error":
            message = "只能是 " + str(context["expected"]).replace(" or ", "、").replace(", ", "、").replace("'", "")
        case "int_from_float":
            message = "应为整数"
        case "address":
            remedy = "形如 zuozhen@example.gov.cn"
    return Problem(place=str(path), key=where, message=message, remedy=remedy)


def _model_at(kind: type[BaseModel], where: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Follow a key path through the models; None where it leaves them."""
    model: type[BaseModel] | None = kind
    for part in where:
        if isinstance(part, int):
            continue
        if model is None or part not in model.model_fields:
            return None
        model = next((kind for kind in _models_in(model.model_fields[part].annotation)), None)
    return model


def _models_in(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - any type form
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


def _known_keys(kind: type[BaseModel], where: tuple[int | str, ...]) -> set[str]:
    model = _model_at(kind, where)
    return set(model.model_fields) if model else set()


def _description(kind: type[BaseModel], where: tuple[int | str, ...]) -> str:
    model, last = _model_at(kind, where[:-1]), str(where[-1])
    if model is None or last not in model.model_fields:
        return ""
    return model.model_fields[last].description or ""


def _close(word: str, known: set[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f"是否想写 {near[0]}？" if near else "可用的有：" + "、".join(sorted(known))


def _double_mailboxes(path: Path, config: Config) -> list[Problem]:
    seen: dict[str, int] = {}
    problems = []
    for index, district in enumerate(config.district):
        if district.returns and district.returns.lower() in {mailbox.lower() for mailbox in district.mailboxes}:
            message = f"{district.returns} 已是收件地址"
            problems.append(Problem(place=str(path), key=f"district.{index}.returns", message=message, remedy="报送用另一个地址"))
        for mailbox in district.received_at:
            first = seen.setdefault(mailbox.lower(), index)
            if first != index:
                message = f"{mailbox} 已属于 district.{first}"
                problems.append(
                    Problem(place=str(path), key=f"district.{index}.mailboxes", message=message, remedy="一个地址只能属于一个区")
                )
    return problems


def _absolute(config: Config, folder: Path) -> Config:
    """Return *config* with every relative path counted from *folder*."""

    def door(section: DoorSection | None) -> DoorSection | None:
        if section is None:
            return None
        update = {name: folder / value for name in ("certificate", "key") if (value := getattr(section, name))}
        return section.model_copy(update=update)

    def mailbox(section: MailboxSection) -> MailboxSection:
        update = {name: folder / value for name in ("authority", "password_file") if (value := getattr(section, name))}
        return section.model_copy(update=update)

    def intake(section: IntakeHttpSection | None) -> IntakeHttpSection | None:
        if section is None:
            return None
        update = {name: folder / value for name in ("certificate", "key") if (value := getattr(section, name))}
        return section.model_copy(update=update)

    def handed(section: Handed) -> Handed:
        update = {name: folder / value for name in ("folder", "key_file") if (value := getattr(section, name))}
        return section.model_copy(update=update)

    relay = {name: folder / value for name in ("folder", "authority", "password_file") if (value := getattr(config.relay, name))}
    districts = tuple(
        section.model_copy(update={"addresses": folder / section.addresses, "pack": _pack_path(section.pack, folder)})
        for section in config.district
    )
    return config.model_copy(
        update={
            "store": config.store.model_copy(update=_absolute_store(config.store, folder)),
            "smtp": door(config.smtp),
            "lmtp": door(config.lmtp),
            "relay": config.relay.model_copy(update=relay),
            "district": districts,
            "calendar": CalendarSection(folder=folder / config.calendar.folder),
            "mailbox": tuple(map(mailbox, config.mailbox)),
            "intake_http": intake(config.intake_http),
            "platform": tuple(map(handed, config.platform)),
            "hotline": tuple(map(handed, config.hotline)),
            "fax": tuple(
                section.model_copy(update={"folder": folder / section.folder}) if section.folder else section for section in config.fax
            ),
        }
    )


def _absolute_store(store: StoreSection, folder: Path) -> dict[str, object]:
    file = {"password_file": folder / store.password_file} if store.password_file else {}
    return {"url": _absolute_url(store.url, folder), **file}


def _absolute_url(url: str, folder: Path) -> str:
    prefix = "sqlite:///"
    return prefix + str(folder / url.removeprefix(prefix)) if url.startswith(prefix) else url


def _pack_path(pack: str, folder: Path) -> str:
    """Return a folder as absolute path; a name without a slash is a pack that ships with the product and stays a name."""
    return str(folder / pack) if "/" in pack else pack
