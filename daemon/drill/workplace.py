"""Where a drill lies: a folder of its own with its database, its addresses and the mails it caught; never an instance's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from daemon.config import CalendarSection, Config, DistrictSection, LimitsSection, RelaySection, StoreSection
from daemon.single import only_service
from rules.rulebook import load_pack, pack_folder
from store.errors import UsageError
from store.model.district import District
from store.trouble import reason

_DATABASE, _OUTGOING, _ADDRESSES, _CALENDARS = "drill.db", "outgoing", "addresses.toml", "calendars"
_OURS = {_DATABASE, f"{_DATABASE}-wal", f"{_DATABASE}-shm", f"{_DATABASE}.lock", _OUTGOING, _ADDRESSES}
_MAILBOX = "zuozhen@drill.example"
_RANKS = ("section_head", "deputy", "head")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """A folder of a drill, ready to be worked in."""

    config: Config
    district: District
    outgoing: Path


@contextmanager
def workplace(folder: Path | None, cases: Path, pack: str) -> Iterator[Workplace]:
    """Yield the workplace in *folder* (None: a temporary one) for the drill in *cases*; nobody else may use it meanwhile.

    Raises UsageError where the folder holds anything else than a drill, ConfigError where the pack is of no use.
    """
    if folder is None:
        with TemporaryDirectory(prefix="zuozhen-drill-") as name, workplace(Path(name), cases, pack) as place:
            yield place
        return
    _check(folder)
    district = load_pack(pack_folder(pack)).district
    addresses = cases / _ADDRESSES
    if not addresses.is_file():
        addresses = folder / _ADDRESSES
        _write(addresses, invented(district))
    config = Config(
        store=StoreSection(url=f"sqlite:///{folder.resolve() / _DATABASE}"),
        relay=RelaySection(folder=folder / _OUTGOING),
        limits=LimitsSection(readers=1),
        calendar=CalendarSection(folder=cases / _CALENDARS),
        district=(DistrictSection(pack=pack, mailboxes=(_MAILBOX,), addresses=addresses),),
    )
    with only_service(config.store.url):
        yield Workplace(config=config, district=district, outgoing=folder / _OUTGOING)


def invented(district: District) -> str:
    """Return an address file with an invented address for everybody who may be written to."""
    lines = ["[sender]", f'name = "{district.name}坐诊接诉"', f'address = "{_MAILBOX}"', "[coordinator]"]
    lines += [f'name = "{district.coordinator}"', 'address = "coordinator@drill.example"', "[departments]"]
    lines += [f'{id_} = "{id_}@drill.example"' for id_ in district.departments]
    for id_ in district.departments:
        lines += [f"[superiors.{id_}]", *(f'{rank} = "{rank}.{id_}@drill.example"' for rank in _RANKS)]
    return "\n".join([*lines, "[oversight]", '"抄报单位" = "oversight@drill.example"', ""])


def _check(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        foreign = sorted({path.name for path in folder.iterdir()} - _OURS)
    except OSError as error:
        raise UsageError(f"用不了工作目录 {folder}：{reason(error)}") from error
    if foreign:
        raise UsageError(f"{folder} 里有 {foreign[0]}，不是演练的工作目录；请换一个空目录（演练不会用实例的数据目录）")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"写不了 {path}：{reason(error)}") from error
