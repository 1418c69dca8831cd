"""An operator backs up while the daemon works, moves to the other kind of database, and goes on there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.instance import daemon, deliver, sink, write_instance
from tests.e2e.mails import TAX, mail
from tests.e2e.test_cli import zuozhen
from tests.servers.postgres import Postgres

OTHER = TAX.replace("昆明青岚办公用品有限公司", "昆明远帆办公用品有限公司").replace("91530114MA6P0X7R2L", "91530114MA6N5K8Q3X")


@pytest.mark.timeout(300)
async def test_backup_move_and_go_on(database_url: str, postgres: Postgres, tmp_path: Path) -> None:
    """Backed up under the running daemon, restored into the other kind of database, the next case has the next number; nothing is sent twice."""
    for folder in ("old", "new"):
        (tmp_path / folder).mkdir()
    archive = tmp_path / "backup.zip"
    async with sink() as relay:
        old = write_instance(tmp_path / "old", relay.port, database=database_url)
        async with daemon(old) as first:
            assert await deliver(first.port, mail())
            await relay.has(2)

            status = zuozhen("db", "status", "--json", config=old).data
            assert (status["revision"], status["counts"]["cases"]) == (status["needed"], 1)
            assert len(status.get("services", [])) == database_url.startswith("postgresql")
            made = zuozhen("backup", str(archive), config=old)
            assert (made.code, made.err) == (0, "")
            assert "读回核对无误" in made.out
            assert "没有覆盖" in zuozhen("backup", str(archive), config=old).err
            refused = zuozhen("restore", str(archive), "--replace", config=old)
            assert refused.code == 2
            assert "服务在用这个数据库" in refused.err
            assert await first.stop() == 0

        with postgres.fresh(empty=True) as empty:
            new = write_instance(tmp_path / "new", relay.port, database="" if database_url.startswith("postgresql") else empty)
            assert "完好" in zuozhen("restore", str(archive), "--check", config=new).out
            restored = zuozhen("restore", str(archive), config=new)
            assert (restored.code, restored.err) == (0, "")
            assert "已恢复到" in restored.out
            assert zuozhen("restore", str(archive), config=new).code == 2
            async with daemon(new) as second:
                assert await deliver(second.port, mail())  # the same mail again: known here too
                assert await deliver(second.port, mail(OTHER, message_id="<other@enterprise.example>"))
                await relay.has(4)
                assert await second.stop() == 0
            cases = json.loads(zuozhen("case", "list", "--json", config=new).out)
    assert sorted(case["number"][-5:] for case in cases) == ["00001", "00002"]
    assert len(relay.messages) == 4


@pytest.mark.timeout(300)
def test_upgrade_says_what_it_did(database_url: str, tmp_path: Path) -> None:
    """The schema is brought up to date by hand, too; a second time there is nothing to do."""
    config = write_instance(tmp_path, 1, database=database_url)
    assert zuozhen("db", "status", config=config).code == 0

    first = zuozhen("db", "upgrade", config=config)
    again = zuozhen("db", "upgrade", config=config)

    assert first.code == again.code == 0
    assert "已是最新" in again.out
    assert "是最新的" in zuozhen("db", "status", config=config).out


@pytest.mark.parametrize("words", [("backup", "b.zip"), ("restore", "b.zip"), ("restore", "absent.zip", "--check")])
def test_nothing_to_work_with(words: tuple[str, ...], tmp_path: Path) -> None:
    """Without a database there is nothing to back up, and a file that is no backup is not restored: told in one line, exit 2."""
    config = write_instance(tmp_path, 1)
    if words[0] == "restore" and "--check" not in words:
        (tmp_path / "b.zip").write_text("我的文件")
    said = zuozhen(*words, config=config, folder=tmp_path)
    assert said.code == 2
    assert len(said.err.splitlines()) == 1
    assert not (tmp_path / "data" / "zuozhen.db").exists()
