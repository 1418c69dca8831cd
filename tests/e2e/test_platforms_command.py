"""`zuozhen platforms` as an operator calls it: trying a file, taking it in, and looking at what is held."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.instance import write_instance
from tests.e2e.test_cli import Here, Said

HEADS = "工单编号,工单状态,企业名称,来电号码,工单标题,工单内容,受理时间\n"
ROW = "530100241014003827,{status},栖禾花卉,138****6405,冷链补贴未拨付,来电人反映约40万元冷链补贴至今未到账,2024-10-14 10:22:36\n"
BROKEN = HEADS + ROW.format(status="办理中") + "2,已批转,甲,1,a,b,\n3,办理中,乙,1,a,b,昨天\n4,办理中\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Give an instance that never ran."""
    return write_instance(tmp_path, 25)


@pytest.fixture
def here(config: Path, capsys: pytest.CaptureFixture[str]) -> Here:
    """Run commands in this process, on that instance."""
    return Here(capsys, config)


def taken(here: Here, config: Path, text: str) -> Said:
    """Import a list of 12345."""
    file = config.parent / "工单.csv"
    file.write_bytes(text.encode("gb18030"))
    return here("platforms", "import", str(file), "--platform", "12345")


def test_try_shows_how_a_file_is_read_and_keeps_nothing(here: Here, config: Path) -> None:
    """Columns, each good row, each bad one with row, column and reason; the code says that something is wrong; nothing is taken in."""
    file = config.parent / "工单.csv"
    file.write_text(BROKEN, encoding="utf-8")
    said = here("platforms", "try", str(file), "--platform", "12345")
    told = here("platforms", "try", str(file), "--platform", "12345", "--json")

    assert said.code == told.code == 1
    for words in (
        "格式：CSV（UTF-8，逗号分隔）",
        "  编号 ← 工单编号",
        "办理中〔已受理〕",
        "✗ 第 3 行“工单状态”一列（已批转）：不认识这个状态",
        "✗ 第 4 行“受理时间”一列（昨天）：不是认识的日期写法",
        "✗ 第 5 行（4，办理中）：有 2 格，表头有 7 格",
        "能收 1 行，不能收 3 行。",
    ):
        assert words in said.out, words
    assert [row["number"] for row in told.data["good"]] == ["530100241014003827"]
    assert [(row["row"], row["column"]) for row in told.data["bad"]] == [(3, "工单状态"), (4, "受理时间"), (5, "")]
    assert "还没有其他平台的记录" in here("platforms", "list").out


def test_try_needs_no_instance(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes a mapping tries it on a pack alone; where nothing is configured the product's own is meant, as with other commands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ZUOZHEN_CONFIG", raising=False)
    file = tmp_path / "工单.csv"
    file.write_text(HEADS + ROW.format(status="已办结"), encoding="utf-8")
    assert Here(capsys)("platforms", "try", str(file), "--platform", "12345", "--pack", "chenggong").code == 0
    assert Here(capsys)("platforms", "try", str(file), "--platform", "12345").code == 0


def test_import_takes_the_good_rows_and_tells_the_bad(here: Here, config: Path) -> None:
    """What is good is held although other rows are not; the bad ones stay on the list of bad rows."""
    said = taken(here, config, BROKEN)

    again = here("platforms", "import", str(config.parent / "工单.csv"), "--platform", "12345", "--json")

    assert (said.code, again.code, again.data["same"]) == (1, 1, 1)
    assert said.err == ""
    assert "新增 1 条，变化 0 条，相同 0 条，比已有的旧 0 条，有问题 3 行" in said.out
    listed = here("platforms", "list")
    assert "530100241014003827" in listed.out
    bad = here("platforms", "list", "--bad")
    assert "✗ 第 3 行“工单状态”一列（已批转）" in bad.out
    assert here("platforms", "batches", "--json").data[-1]["added"] == 1


def test_a_status_that_goes_back_is_shown(here: Here, config: Path) -> None:
    """办理中, 已办结, 待审核: three versions, the last marked as gone back; the file comes out as it came in."""
    codes = [taken(here, config, HEADS + ROW.format(status=status)).code for status in ("办理中", "已办结", "待审核", "待审核")]
    shown = here("platforms", "show", "530100241014003827")
    copy = config.parent / "copy.csv"
    here("platforms", "batches", "--show", "1", "--export", str(copy))

    assert codes == [0] * 4
    assert "12345 530100241014003827　待审核" in shown.out
    assert "待审核（由“已办结”退回）　第 3 批第 2 行" in shown.out
    assert "办理中〔已受理〕　第 1 批第 2 行" in shown.out
    assert "530100241014003827" in here("platforms", "list", "--turned-back").out
    assert [batch["same"] for batch in here("platforms", "batches", "--json").data] == [1, 0, 0, 0]
    assert copy.read_bytes() == (HEADS + ROW.format(status="办理中")).encode("gb18030")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import", "nowhere.csv", "--platform", "12345"), "打不开 nowhere.csv"),
        (("import", "zuozhen.toml", "--platform", "12345"), "不能读：不是可读的 JSON：第 2 行第 2 列"),
        (("try", "zuozhen.toml", "--platform", "unknown"), "没有平台 unknown 的映射文件（platforms/unknown.yaml）；有：12345"),
        (("show", "9"), "没有编号为 9 的平台记录；用 zuozhen platforms list 查看"),
        (("batches", "--show", "9"), "没有第 9 批"),
        (("batches", "--export", "x"), "--export 要与 --show 批号 一起写"),
        (("list", "--status", "odd"), "只能是"),
    ],
)
def test_mistakes_are_told(here: Here, config: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str) -> None:
    """Each mistake has its words and the code of a mistake."""
    monkeypatch.chdir(config.parent)
    result = here("platforms", *words)
    assert result.code == 2
    assert said in result.err


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ('[[platform]]\nid = "odd"\nfolder = "drop"', "规则包里没有平台 odd 的映射文件"),
        ('[[platform]]\nid = "12345"', "folder、key_file、credential 至少要给出一个"),
        ('[[platform]]\nid = "12345"\nkey_file = "key"\n[intake_http]\nlisten = "127.0.0.1:0"', "密钥太短，每行至少 32 个字符"),
        ('[[platform]]\nid = "12345"\nfolder = "drop"\n[intake_http]\nlisten = "127.0.0.1:0"', "打开了接口，但没有一个平台"),
        ('[[platform]]\nid = "12345"\nkey_file = "key"', "有密钥，但没有打开接口"),
        ('[[platform]]\nid = "12345"\nfolder = "d"\n[[platform]]\nid = "12345"\nfolder = "d"', "平台 12345 写了两次"),
        ('[[platform]]\nid = "12345"\nfolder = "d"\n[[platform]]\nid = "gjzwfw"\nfolder = "d"', "已归另一个平台"),
    ],
)
def test_check_tells_mistakes_of_the_doors(here: Here, config: Path, section: str, said: str) -> None:
    """`zuozhen check` finds what would keep a door from opening, with the remedy."""
    (config.parent / "key").write_text("short")
    with config.open("a", encoding="utf-8") as file:
        file.write(f"\n{section}\n")
    result = here("check")
    assert result.code == 2
    assert said in result.err


def test_check_reminds_of_a_missing_folder(here: Here, config: Path) -> None:
    """A folder that is not there is no reason not to start, but is told."""
    with config.open("a", encoding="utf-8") as file:
        file.write('\n[[platform]]\nid = "12345"\nfolder = "drop"\n')
    result = here("check")
    assert result.code == 0
    assert "提醒：没有平台 12345 的目录" in result.out
