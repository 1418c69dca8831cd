"""What the commands of the rules' workbench share: which pack is meant, who has a mailbox, how a gate fails."""

from __future__ import annotations

import asyncio
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.place import SHORT, config_at, config_path, districts_in_force, is_configured
from daemon.config import DistrictSection
from daemon.config_reader import load_config
from rules.rulebook import RuleBook, builtin_packs, load_pack, pack_folder
from store.errors import ConfigError, UsageError

FAILED_GATE = 1  # the command did its work and the answer is no
UNREADABLE = 2  # it could not: the pack does not load, as with any mistake of the command line or the configuration

BUILTIN = "chenggong"

PackArgument = Annotated[str | None, typer.Argument(metavar="规则包", help="规则包目录，或随产品的规则包名称；不写则取配置里的")]

PackOption = Annotated[
    str | None,
    typer.Option("--pack", metavar="规则包", help="规则包目录，或随产品的规则包名称；不写则取启用着的，没有配置时取随产品的"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The pack a command works on; `section` is its district where the pack came from a configuration."""

    folder: Path
    section: DistrictSection | None = None

    @property
    def label(self) -> str:
        """How places in it begin."""
        return self.folder.resolve().name


def folder_of(name: str) -> Path:
    """Return the folder that an operator means by *name*: a directory, or a pack that comes with the product."""
    if "/" not in name and name not in builtin_packs() and Path(name).is_dir():
        return Path(name)
    return pack_folder(name)


def argument_of(folder: Path) -> str:
    """Return how to name *folder* so that every command takes it for a directory."""
    return str(folder) if "/" in str(folder) else f"./{folder}"


def chosen(pack: str | None, config: Path | None) -> Chosen:
    """Return the pack named *pack*, or the only one of the configuration; of a named pack the configuration only tells the mailboxes."""
    if pack is not None:
        sections = _sections(config)
        return Chosen(folder=folder_of(pack), section=sections[0] if len(sections) == 1 else None)
    sections = load_config(config_path(config)).district
    if len(sections) > 1:
        raise UsageError(f"配置里有 {len(sections)} 个区，请写明规则包：{'、'.join(section.pack for section in sections)}")
    return Chosen(folder=pack_folder(sections[0].pack), section=sections[0])


def deciding(pack: str | None, config: Path | None) -> tuple[RuleBook, str]:
    """Return the pack that a command decides by, and words that say which: *pack*, else the one in force, else the product's own.

    Raises UsageError where the configuration has several districts and nobody said which.
    """
    if pack is not None:
        book = load_pack(folder_of(pack))
        return book, f"规则包：{pack}（{book.digest[:SHORT]}）"
    if config is None and not is_configured():
        book = load_pack(folder_of(BUILTIN))
        return book, f"规则包：没有配置，用随产品的 {BUILTIN}（{book.digest[:SHORT]}）；用别的加 --pack 或 --config"
    districts = asyncio.run(districts_in_force(config_at(config)))
    if len(districts) > 1:
        raise UsageError(f"配置里有 {len(districts)} 个区（{'、'.join(districts)}），请用 --pack 写明用哪个规则包")
    (files,) = districts.values()
    return files.rulebook, f"规则包：{files.rulebook.district.name}现用的（{files.rulebook.digest[:SHORT]}）"


def _sections(config: Path | None) -> tuple[DistrictSection, ...]:
    """Return the districts of the configuration, none where nobody named one and none of the usual places has a good one."""
    try:
        return load_config(config_path(config)).district
    except ConfigError:
        if config is not None:
            raise
        return ()


def mailboxes_of(section: DistrictSection | None) -> set[str] | None:
    """Return the departments that the address file names, None where there is none to ask or it cannot be read."""
    if section is None:
        return None
    try:
        return set(tomllib.loads(section.addresses.read_text(encoding="utf-8")).get("departments", {}))
    except (OSError, ValueError):  # `zuozhen check` says what is wrong with it
        return None
