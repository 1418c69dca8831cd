"""Orders of packs: who gave them, that every service takes them, and that a pack that cannot be taken leaves the old one in force."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from daemon.config import Config, DistrictSection, RelaySection, StoreSection
from daemon.following import Following
from daemon.supervise import reload
from daemon.wiring import House, open_house
from rules.rulebook import RuleBook, load_pack
from rules.workbench.base import write_base
from store.errors import ConfigError, UsageError
from store.orders import Origin

ROOT = Path(__file__).parents[2]
ADDRESSES = '[sender]\nname = "坐诊"\naddress = "zuozhen@example.org"\n'
NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Return the small pack, where the configuration will look for it."""
    folder = Path(shutil.copytree(ROOT / "tests" / "packs" / "lint", tmp_path / "pack"))
    (tmp_path / "addresses.toml").write_text(ADDRESSES, encoding="utf-8")
    return folder


@asynccontextmanager
async def house(pack: Path, database_url: str, name: str = "one") -> AsyncIterator[House]:
    """Open a service called *name* on the database."""
    config = Config(
        store=StoreSection(url=database_url),
        relay=RelaySection(folder=pack.parent / "outgoing"),
        name=name,
        district=(DistrictSection(pack=str(pack), mailboxes=("zuozhen@example.org",), addresses=pack.parent / "addresses.toml"),),
    )
    async with open_house(config, now=lambda: NOW) as opened:
        yield opened


def another(pack: Path, old: str = "weight: 3", new: str = "weight: 4") -> Path:
    """Return a copy of the pack in which the rules on departments say something else."""
    copy = Path(shutil.copytree(pack, pack.with_name(f"pack-{new[-1]}")))
    rules = copy / "rules" / "20_routing.yaml"
    text = rules.read_text(encoding="utf-8")
    assert old in text
    rules.write_text(text.replace(old, new), encoding="utf-8")
    return copy


async def order(opened: House, book: RuleBook, actor: str = "王芳") -> None:
    """Keep the pack and order it, as the command does."""
    await opened.stores.packs.keep("lint", book.digest, book.files, now=NOW)
    await opened.stores.orders.give("lint", book.digest, actor=actor, reason="试", origin=Origin.PERSON, now=NOW)


def digests(houses: Sequence[House]) -> list[str]:
    """Return by which packs the services decide."""
    return [opened.rooms["lint"].rulebook.digest for opened in houses]


async def test_every_service_takes_the_order(pack: Path, database_url: str) -> None:
    """Two services on one database both swap, and both say so."""
    new = load_pack(another(pack))
    async with AsyncExitStack() as stack:
        houses = [await stack.enter_async_context(house(pack, database_url, name)) for name in ("one", "two")]
        following = [Following(opened, opened.config.name) for opened in houses]
        for one in following:
            await one.look("lint")
        before = digests(houses)
        await order(houses[0], new)
        for one in following:
            await one.look("lint")
        after = digests(houses)
        followers = await houses[0].stores.orders.followers("lint")

    assert before == [load_pack(pack).digest] * 2
    assert after == [new.digest] * 2
    assert [(one.service, one.seq, one.digest, one.problem) for one in followers] == [
        ("one", 2, new.digest, ""),
        ("two", 2, new.digest, ""),
    ]


async def test_of_two_orders_at_once_one_is_given(pack: Path, database_url: str) -> None:
    """Both clerks saw the same order as the newest: one replaces it, the other is told that it is no longer the newest."""
    async with house(pack, database_url) as opened:
        orders, digest = opened.stores.orders, opened.rooms["lint"].rulebook.digest
        seen = (await orders.list("lint"))[0].seq
        outcomes = await asyncio.gather(
            *(
                orders.give("lint", digest, actor=actor, reason="", origin=Origin.PERSON, now=NOW, after=seen)
                for actor in ("王芳", "李明", "张兰")
            ),
            return_exceptions=True,
        )
        given = await orders.list("lint")

    assert [one.seq for one in given] == [2, 1]
    assert sorted(type(one).__name__ for one in outcomes) == ["Order", "OvertakenError", "OvertakenError"]


async def test_a_pack_that_does_not_load_leaves_the_old_one(pack: Path, database_url: str) -> None:
    """A service that cannot take the order stays with its pack, says why, and does not try again until the next order."""
    async with house(pack, database_url) as opened:
        old = opened.rooms["lint"].rulebook
        bad = {
            **old.files,
            "rules/20_routing.yaml": "- rule: 甲\n  basis: policy\n  when: {all: [{mention: 没有}]}\n  then: {route: gsj}\n".encode(),
        }
        await opened.stores.packs.keep("lint", "b" * 64, bad, now=NOW)
        await opened.stores.orders.give("lint", "b" * 64, actor="王芳", reason="", origin=Origin.PERSON, now=NOW)
        following = Following(opened, "one")
        await following.look("lint")
        await following.look("lint")
        (follower,) = await opened.stores.orders.followers("lint")

        assert opened.rooms["lint"].rulebook is old
        assert (follower.seq, follower.digest) == (2, old.digest)
        assert "没有名为“没有”的词表" in follower.problem


async def test_an_order_outlives_a_restart_and_a_reload(pack: Path, database_url: str) -> None:
    """What a person ordered stays in force although the folder holds the old pack; a reload for new addresses takes those and warns."""
    new = load_pack(another(pack))
    async with house(pack, database_url) as opened:
        await order(opened, new)
    (pack.parent / "addresses.toml").write_text(ADDRESSES.replace("坐诊", "新名称"), encoding="utf-8")
    async with house(pack, database_url) as opened:
        restarted = digests([opened])
        (pack.parent / "addresses.toml").write_text(ADDRESSES.replace("坐诊", "又一个名称"), encoding="utf-8")
        with structlog.testing.capture_logs() as logged:
            assert await reload(opened)
        reloaded, sender = digests([opened]), opened.sender.senders["lint"].name
        orders = await opened.stores.orders.list("lint")

    assert restarted == reloaded == [new.digest]
    assert sender == "又一个名称"
    told = [one for one in logged if one["event"] == "rulebook.folder_differs"]
    assert [(one["digest"], one["folder"]) for one in told] == [(new.digest, load_pack(pack).digest)]
    assert [(one.seq, one.actor, one.origin) for one in orders] == [(2, "王芳", Origin.PERSON), (1, "启动", Origin.FOLDER)]


async def test_a_reload_takes_a_folder_that_comes_from_the_pack_in_force(pack: Path, database_url: str) -> None:
    """Where the folder was taken from what a person ordered and changed since, a reload orders what it holds now."""
    new = load_pack(another(pack))
    async with house(pack, database_url) as opened:
        await order(opened, new)
        write_base(pack, new.digest)
        assert await reload(opened)
        after = digests([opened])
        orders = await opened.stores.orders.list("lint")

    assert after == [load_pack(pack).digest]
    assert [(one.seq, one.actor, one.origin) for one in orders][:1] == [(3, "SIGHUP", Origin.FOLDER)]


async def test_a_reload_beside_an_order_that_cannot_be_taken(pack: Path, database_url: str) -> None:
    """The ordered pack does not load with this program: a reload takes the folder's, as a start does."""
    files = {**load_pack(pack).files, "rules/20_routing.yaml": b"- rule: [\n"}
    async with house(pack, database_url) as opened:
        await opened.stores.packs.keep("lint", "f" * 64, files, now=NOW)
        await opened.stores.orders.give("lint", "f" * 64, actor="王芳", reason="", origin=Origin.PERSON, now=NOW)
        assert await reload(opened)
        after = digests([opened])

    assert after == [load_pack(pack).digest]


async def test_a_changed_folder_is_taken_at_start(pack: Path, database_url: str) -> None:
    """Where nobody ordered anything, a start takes what the folder holds; an old folder does not win against a newer order."""
    async with house(pack, database_url) as opened:
        first = digests([opened])
    changed = another(pack)
    async with house(changed, database_url) as opened:
        second = digests([opened])
    async with house(pack, database_url) as opened:
        third = digests([opened])

    assert first == [load_pack(pack).digest]
    assert second == third == [load_pack(changed).digest]


def clip(pack: Path) -> None:
    """Leave a rule half typed."""
    (pack / "rules" / "20_routing.yaml").write_text("- rule: 事项_停\n  when: {all: [", encoding="utf-8")


def lose_name(pack: Path) -> None:
    """Leave nothing by which one could tell whose pack it is."""
    (pack / "pack.yaml").write_text("district：\n", encoding="utf-8")


@pytest.mark.parametrize("harm", [clip, lose_name, shutil.rmtree])
async def test_a_broken_folder_does_not_keep_the_service_from_starting(pack: Path, database_url: str, harm: Callable[[Path], None]) -> None:
    """Half edited, without its name or gone: a start goes on with the pack in force, orders nothing, and the log says what is wrong."""
    async with house(pack, database_url) as opened:
        (old,) = digests([opened])
    harm(pack)
    with structlog.testing.capture_logs() as events:
        async with house(pack, database_url) as opened:
            (now,) = digests([opened])
            orders = await opened.stores.orders.list("lint")
    (told,) = [event for event in events if event["event"] == "rulebook.folder_broken"]

    assert now == old
    assert len(orders) == 1
    assert (told["log_level"], told["district"], told["digest"]) == ("error", "lint", old)
    assert told["problems"]


async def test_a_broken_folder_decides_where_nothing_was_ordered(pack: Path, database_url: str) -> None:
    """Before the first order there is no other pack: the mistakes of the folder are told and nothing starts."""
    clip(pack)
    with pytest.raises(ConfigError, match=r"20_routing\.yaml"):
        async with house(pack, database_url):
            pass


async def test_a_nameless_folder_is_not_taken_for_any_district(pack: Path, database_url: str) -> None:
    """Where two districts have orders, a folder that does not say its district is not guessed at."""
    async with house(pack, database_url):
        pass
    other = another(pack)
    settings = (other / "pack.yaml").read_text(encoding="utf-8")
    (other / "pack.yaml").write_text(settings.replace("id: lint", "id: other"), encoding="utf-8")
    async with house(other, database_url):
        pass
    lose_name(pack)
    with pytest.raises(ConfigError, match=r"pack\.yaml"):
        async with house(pack, database_url):
            pass


async def test_neither_the_kept_pack_nor_the_folder_loads(pack: Path, database_url: str) -> None:
    """An order for what this program no longer understands gives way to the folder; where that is broken too, both are told."""
    async with house(pack, database_url) as opened:
        old = opened.rooms["lint"].rulebook
        bad = {name: raw for name, raw in old.files.items() if name != "departments.yaml"}
        await opened.stores.packs.keep("lint", "b" * 64, bad, now=NOW)
        await opened.stores.orders.give("lint", "b" * 64, actor="王芳", reason="", origin=Origin.PERSON, now=NOW)
    with structlog.testing.capture_logs() as events:
        async with house(pack, database_url) as opened:
            assert digests([opened]) == [old.digest]
    assert "rulebook.reload_refused" in {event["event"] for event in events}

    async with house(pack, database_url) as opened:
        await opened.stores.orders.give("lint", "b" * 64, actor="王芳", reason="", origin=Origin.PERSON, now=NOW)
    clip(pack)
    with pytest.raises(ConfigError) as caught:
        async with house(pack, database_url):
            pass
    assert any("20_routing.yaml" in problem.place for problem in caught.value.problems)
    assert caught.value.problems[-1].place == f"规则包 {'b' * 12}"


async def test_only_a_kept_pack_can_be_ordered(pack: Path, database_url: str) -> None:
    """An order for a pack that nobody kept could never be followed."""
    async with house(pack, database_url) as opened:
        with pytest.raises(UsageError, match="没有保存"):
            await opened.stores.orders.give("lint", "c" * 64, actor="王芳", reason="", origin=Origin.PERSON, now=NOW)
        assert len(await opened.stores.orders.list("lint")) == 1
