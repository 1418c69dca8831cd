"""What the commands of the rules' workbench share: which pack is meant, who has a mailbox, how a gate fails."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.place import config_path
from daemon.config import DistrictSection
from daemon.config_reader import load_config
from rules.rulebook import builtin_packs, pack_folder
from store.errors import ConfigError, UsageError

FAILED_GATE = 1  # the command did its work and the answer is no

PackArgument = Annotated[str | None, typer.Argument(metavar="规则包", help="规则包目录，或随产品的规则包名称；不写则取配置里的")]


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


def chosen(pack: str | None, config: Path | None) -> Chosen:
    """Return the pack named *pack*, or the only one of the configuration; of a named pack the configuration only tells the mailboxes."""
    if pack is not None:
        sections = _sections(config)
        return Chosen(folder=folder_of(pack), section=sections[0] if len(sections) == 1 else None)
    sections = load_config(config_path(config)).district
    if len(sections) > 1:
        raise UsageError(f"配置里有 {len(sections)} 个区，请写明规则包：{'、'.join(section.pack for section in sections)}")
    return Chosen(folder=pack_folder(sections[0].pack), section=sections[0])


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
