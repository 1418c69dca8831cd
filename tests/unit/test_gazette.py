"""The State Council's notice as published: what is read from it, and what is not believed."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from daemon import gazettes
from rules.calendar_file import read_year
from rules.calendar_folder import BUILTIN, load_calendar, year_files
from rules.gazette import read_gazette, to_yaml
from rules.witnesses import disagreements, known_to
from store.errors import ConfigError

NOTICES = {
    2023: """国务院办公厅关于2023年
部分节假日安排的通知
国办发明电〔2022〕16号
各省、自治区、直辖市人民政府，国务院各部委、各直属机构：
经国务院批准，现将2023年元旦、春节、清明节、劳动节、端午节、中秋节和国庆节放假调休日期的具体安排通知如下。
一、元旦：2022年12月31日至2023年1月2日放假调休，共3天。
二、春节：1月21日至27日放假调休，共7天。1月28日（星期六）、1月29日（星期日）上班。
三、清明节：4月5日放假，共1天。
四、劳动节：4月29日至5月3日放假调休，共5天。4月23日（星期日）、5月6日（星期六）上班。
五、端午节：6月22日至24日放假调休，共3天。6月25日（星期日）上班。
六、中秋节、国庆节：9月29日至10月6日放假调休，共8天。10月7日（星期六）、10月8日（星期日）上班。
节假日期间，各地区、各部门要妥善安排好值班和安全、保卫、疫情防控等工作。
""",
    2024: """国务院办公厅关于2024年部分节假日安排的通知
国办发明电〔2023〕7号
一、元旦：1月1日放假，与周末连休。
二、春节：2月10日至17日放假调休，共8天。2月4日（星期日）、2月18日（星期日）上班。鼓励各单位结合带薪年休假等制度落实，安排职工在除夕（2月9日）休息。
三、清明节：4月4日至6日放假调休，共3天。4月7日（星期日）上班。
四、劳动节：5月1日至5日放假调休，共5天。4月28日（星期日）、5月11日（星期六）上班。
五、端午节：6月10日放假，与周末连休。
六、中秋节：9月15日至17日放假调休，共3天。9月14日（星期六）上班。
七、国庆节：10月1日至7日放假调休，共7天。9月29日（星期日）、10月12日（星期六）上班。
""",
    2025: """国务院办公厅关于2025年部分节假日安排的通知
国办发明电〔2024〕12号
一、元旦：1月1日（周三）放假1天，不调休。
二、春节：1月28日（农历除夕、周二）至2月4日（农历正月初七、周二）放假调休，共8天。1月26日（周日）、2月8日（周六）上班。
三、清明节：4月4日（周五）至6日（周日）放假，共3天。
四、劳动节：5月1日（周四）至5日（周一）放假调休，共5天。4月27日（周日）上班。
五、端午节：5月31日（周六）至6月2日（周一）放假，共3天。
六、国庆节、中秋节：10月1日（周三）至8日（周三）放假调休，共8天。9月28日（周日）、10月11日（周六）上班。
""",
}


@pytest.mark.parametrize("year", NOTICES)
def test_a_notice_gives_the_days_that_the_product_has(year: int, tmp_path: Path) -> None:
    """Read from the published words of three years, every day and its notice number is what the product's file says."""
    path = tmp_path / "通知.txt"
    path.write_bytes(NOTICES[year].encode("gb18030"))  # as editors here like to save

    found = gazettes.draft(path).plan
    known = read_year(BUILTIN / f"{year}.yaml")

    assert {day: special.working for day, special in found.special.items()} == {
        day: special.working for day, special in known.special.items()
    }
    assert found.notices == known.notices


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    """The file made of a notice is the file of that year, with its title and number."""
    written = yaml.safe_load(to_yaml(read_gazette(NOTICES[2025], "通知.txt")))

    assert written["year"] == 2025
    assert written["notices"] == [{"title": "国务院办公厅关于2025年部分节假日安排的通知", "number": "国办发明电〔2024〕12号"}]
    assert written["holidays"][1] == {
        "name": "春节",
        "from": date(2025, 1, 28),
        "to": date(2025, 2, 4),
        "work": [date(2025, 1, 26), date(2025, 2, 8)],
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("共8天。1月26日", "共7天。1月26日", "通知.txt:4: 春节: 通知写明 7 天，起止日期却是 8 天"),
        ("1月26日（周日）", "1月26日（周六）", "2025-01-26 是周日，通知里写的是周六"),
        ("1月26日（周日）", "1月27日", "2025-01-27 不是周末，不会是调休上班"),
        ("2月8日（周六）上班", "2月30日上班", "没有2025年2月30日这一天"),
        ("5月1日（周四）至5日（周一）放假", "五月初放假", "劳动节: 读不出放假的日期"),
        ("4月4日（周五）至6日（周日）放假", "4月4日（周五）至6日（周日）休息", "清明节: 没有“放假”二字"),
        ("国办发明电〔2024〕12号", "", "没有找到文号"),
        ("部分节假日安排的通知", "工作安排", "没有找到“国务院办公厅关于"),
    ],
)
def test_a_notice_that_contradicts_itself_is_not_believed(old: str, new: str, message: str) -> None:
    """Weekdays and lengths that do not fit, days that do not exist and paragraphs that cannot be read are told with line and festival."""
    with pytest.raises(ConfigError) as caught:
        read_gazette(NOTICES[2025].replace(old, new), "通知.txt")

    assert message in str(caught.value)


@pytest.mark.parametrize("path", year_files(BUILTIN), ids=lambda path: path.stem)
def test_both_libraries_agree_with_every_year_of_the_product(path: Path) -> None:
    """Chinesecalendar and holidays know each of these years and say the same of each of its days."""
    plan = read_year(path)

    assert known_to(plan.year) == {"chinesecalendar": True, "holidays": True}
    assert disagreements(plan) == []


def test_a_library_that_does_not_know_a_year_says_nothing() -> None:
    """For a year without notice neither is a witness."""
    assert known_to(2049) == {"chinesecalendar": False, "holidays": False}


def test_a_wrong_day_is_found_by_both(tmp_path: Path) -> None:
    """A slip in a year's file is named by day and library."""
    path = tmp_path / "2025.yaml"
    path.write_text((BUILTIN / "2025.yaml").read_text(encoding="utf-8").replace("2025-02-08", "2025-02-09"), encoding="utf-8")

    found = gazettes.draft(path).differences

    assert {line.split("：")[0] for line in found} == {"2025-02-08", "2025-02-09"}
    assert sum("holidays" in line for line in found) == sum("chinesecalendar" in line for line in found) == 2


def test_changes_name_what_moves() -> None:
    """Against a calendar that lacks the year, every arranged day is a change; against the one that has it, none."""
    draft = gazettes.draft(BUILTIN / "2025.yaml")

    assert gazettes.changes(draft, load_calendar()) == []


def test_a_corrected_year_shows_the_days_taken_back(tmp_path: Path) -> None:
    """A make-up day that a second notice drops, and a day off that it adds, both stand in the list of changes."""
    path = tmp_path / "2025.yaml"
    path.write_text((BUILTIN / "2025.yaml").read_text(encoding="utf-8").replace(", 2025-02-08]", "]"), encoding="utf-8")

    assert [(day, old.counted, new.counted) for day, old, new in gazettes.changes(gazettes.draft(path), load_calendar())] == [
        (date(2025, 2, 8), True, False)
    ]


def test_an_installed_year_is_whole_or_absent(tmp_path: Path) -> None:
    """Installing writes one file under the year's name, leaves nothing beside it, and is recognised as done."""
    draft = gazettes.draft(BUILTIN / "2025.yaml")
    folder = tmp_path / "calendars"

    assert not gazettes.is_installed(draft, folder)
    assert gazettes.install(draft, folder) == folder / "2025.yaml"
    assert [path.name for path in folder.iterdir()] == ["2025.yaml"]
    assert gazettes.is_installed(draft, folder)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A PDF of the notice is answered with what to do instead."""
    path = tmp_path / "通知.txt"
    path.write_bytes(b"%PDF-1.7\xff\xff\x00\x81\x20")

    with pytest.raises(ConfigError, match="存为文本文件"):
        gazettes.draft(path)
