"""A drill in this process: the same mails on either database, and a ledger that would show what is missed, doubled or could not happen."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon.config import StoreSection
from daemon.drill.play import Outcome, play
from daemon.drill.workplace import Workplace, workplace
from store.errors import TemporaryError, UsageError
from tests.integration.houses import REFUSED, Enterprise

UNTIL = date(2024, 10, 31)
ZONE = ZoneInfo("Asia/Shanghai")
pytestmark = pytest.mark.timeout(300)  # each test opens a whole house several times
ACTS = """
- {at: 2024-09-30 10:00, case: 国庆前, event: acknowledge, by: 李明}
- {at: 2024-10-08 10:00, case: 国庆前, event: close, by: 王芳, reason: 还没有答复，不能销号}
- {at: 2024-10-09 10:00, case: 扫描件, event: acknowledge, by: 李明}
- {at: 2024-10-09 11:00, case: 民事, event: confirm, by: 王芳, reason: 核实为民事纠纷}
- {at: 2024-10-09 12:00, case: 广告, event: confirm, by: 王芳, reason: 是广告}
- {at: 2024-10-10 09:00, key: 2024年第3期, event: announced, day: 2024-11-22, by: 王芳}
"""
ADVERT = "本公司可代开各类增值税发票，点数优惠，先验票后付款，需要请加微信。"


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """Write a drill over the National Day."""
    folder = tmp_path / "cases"
    folder.mkdir()
    matters = {"2024-09-29_1618 国庆前": Enterprise().mail(), "2024-10-03_0900 民事": Enterprise().mail(REFUSED)}
    matters["2024-10-04_0900 广告"] = Enterprise().mail(ADVERT, subject="代开发票")
    for name, raw in matters.items():
        (folder / f"{name}.eml").write_bytes(raw)
    (folder / "2024-10-05_0900 扫描件.txt").write_bytes(b"II*\0" + bytes(range(256)))  # a picture, by no means a text
    (folder / "events.yaml").write_text(ACTS, encoding="utf-8")
    return folder


async def played(cases: Path, work: Path, url: str = "") -> Outcome:
    """Play the drill at *work*, on another database where an *url* is given."""
    with workplace(work, cases, "chenggong") as place:
        return await play(on(place, url), cases, last=UNTIL)


def on(place: Workplace, url: str) -> Workplace:
    """Return *place* with its database at *url*."""
    if not url:
        return place
    config = place.config.model_copy(update={"store": StoreSection(url=url)})
    return Workplace(config=config, district=place.district, outgoing=place.outgoing)


def mails(work: Path) -> dict[str, bytes]:
    """Return the mails that were caught, by the names that their Message-IDs give them."""
    return {path.name: path.read_bytes() for path in (work / "outgoing").iterdir()}


def change(work: Path, statement: str, values: Sequence[object] = ()) -> None:
    """Change the database of a drill behind its back."""
    with sqlite3.connect(work / "drill.db") as connection:
        assert connection.execute(statement, values).rowcount == 1
    connection.close()


async def test_either_database_gives_the_same_mails(cases: Path, tmp_path: Path, postgresql_url: str) -> None:
    """On SQLite and on PostgreSQL the mails are identical byte for byte."""
    first = await played(cases, tmp_path / "file")
    other = await played(cases, tmp_path / "server", postgresql_url)
    assert mails(tmp_path / "file") == mails(tmp_path / "server") != {}
    assert [queued.message_id for queued in first.ledger.sent] == [queued.message_id for queued in other.ledger.sent]
    assert first.ledger.is_clean


async def test_what_could_not_happen_is_told_and_the_rest_goes_on(cases: Path, tmp_path: Path) -> None:
    """An act that is not possible then, or on a mail that could not be read, is told with its reason; nothing stops."""
    outcome = await played(cases, tmp_path / "work")
    told = {str(getattr(item, "case", "")): problem for item, problem in outcome.refused}
    assert set(told) == {"国庆前", "扫描件"}
    assert "不能销号" in told["国庆前"]
    assert "隔离区" in told["扫描件"]
    assert outcome.numbers["扫描件"] == ""
    assert outcome.numbers["广告"].startswith("A-")
    assert outcome.ledger.is_clean


async def test_a_drill_that_cannot_write_its_mails_stops_and_goes_on_later(cases: Path, tmp_path: Path) -> None:
    """Where the disk takes no mail the drill stops there and says so; run again when it does, it ends with the mails it would have had."""
    await played(cases, tmp_path / "whole")
    work = tmp_path / "work"
    work.mkdir()
    (work / "outgoing").write_bytes(b"a file where a folder should be")
    with pytest.raises(TemporaryError, match="写不出去"):
        await played(cases, work)
    (work / "outgoing").unlink()
    assert (await played(cases, work)).ledger.is_clean
    assert mails(work) == mails(tmp_path / "whole")


async def test_the_ledger_shows_what_is_missed_and_doubled(cases: Path, tmp_path: Path) -> None:
    """A step whose mail did not go, and a mail that went twice under two names, are counted at their kind."""
    work = tmp_path / "work"
    clean = await played(cases, work)
    (tally,) = [tally for tally in clean.ledger.kinds if tally.kind.id == "acknowledge"]
    (reminded,) = [line for line in tally.lines if line.what == "remind"]
    (mail,) = reminded.mails
    assert (reminded.planned, reminded.taken) == (mail.created_at, mail.created_at)
    kept = "district, case_id, case_number, arrival_id, purpose, recipient, notice, state, tries, problem, reply, created_at, sent_at"
    twice = f"INSERT INTO notices ({kept}, round, message_id) SELECT {kept}, 'twice', 'x@y' FROM notices WHERE id = ?"  # noqa: S608 - ours
    change(work, twice, [mail.id])
    assert [(one.missed, one.doubled) for one in (await played(cases, work)).ledger.kinds if one.kind.id == "acknowledge"] == [(0, 1)]
    change(work, "DELETE FROM notices WHERE message_id = 'x@y'")
    change(work, "UPDATE notices SET state = 'refused' WHERE id = ?", [mail.id])
    spoilt = (await played(cases, work)).ledger
    assert [(one.missed, one.doubled) for one in spoilt.kinds if one.kind.id == "acknowledge"] == [(1, 0)]
    assert not spoilt.is_clean


async def test_the_ledger_shows_what_is_missed_and_doubled_of_sessions(cases: Path, tmp_path: Path) -> None:
    """A notice that reached nobody, and a word to an enterprise that went twice, are counted at their step; each step has its planned moment."""
    work = tmp_path / "work"
    clean = {one.kind.id: one for one in (await played(cases, work)).ledger.kinds}
    planned = {
        id_: [f"{line.planned.astimezone(ZONE):%m-%d %H:%M:%S}" for line in clean[id_].lines] for id_ in clean if id_.startswith("session.")
    }
    assert planned == {
        "session.notice": ["10-15 09:00:00"],  # three working days before the 18th, with which the last ten of October begin
        "session.service_list": ["10-31 17:00:01"],
        "session.call_list": [],
        "session.booked": ["10-10 09:00:00"],
        "session.called": [],
    }
    assert all(line.taken == line.planned for one in clean.values() for line in one.lines)
    (notice,), (word,) = clean["session.notice"].lines, clean["session.booked"].lines
    for mail in notice.mails:
        change(work, "UPDATE notices SET state = 'refused' WHERE id = ?", [mail.id])
    kept = "district, case_id, case_number, arrival_id, purpose, recipient, notice, state, tries, problem, reply, created_at, sent_at"
    twice = f"INSERT INTO notices ({kept}, round, message_id) SELECT {kept}, 'twice', 'x@y' FROM notices WHERE id = ?"  # noqa: S608 - ours
    change(work, twice, [word.mails[0].id])
    spoilt = {one.kind.id: (one.missed, one.doubled) for one in (await played(cases, work)).ledger.kinds}
    assert (spoilt["session.notice"], spoilt["session.booked"], spoilt["session.service_list"]) == ((1, 0), (0, 1), (0, 0))


async def test_a_workplace_holds_one_drill_and_nothing_else(cases: Path, tmp_path: Path) -> None:
    """Another drill's folder, an instance's, and days in which nothing happens are refused, each in words."""
    await played(cases, tmp_path / "work")
    (cases / "events.yaml").write_text("- {at: 2024-10-09 12:00, case: 广告, event: confirm, by: 王芳}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="另一次演练"):
        await played(cases, tmp_path / "work")
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "zuozhen.db").write_bytes(b"")
    with pytest.raises(UsageError, match=r"zuozhen\.db，不是演练的工作目录"):
        await played(cases, tmp_path / "instance")
    with workplace(None, cases, "chenggong") as place, pytest.raises(UsageError, match="都不在"):
        await play(place, cases, date(2025, 1, 1), date(2025, 2, 1))
    with workplace(None, cases, "chenggong") as place, pytest.raises(UsageError, match="早于起日"):
        await play(place, cases, date(2025, 1, 1), date(2024, 2, 1))
