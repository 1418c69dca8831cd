"""zuozhen.toml: every mistake at once, with its place and a remedy; secrets never printed."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon import config
from daemon.config_reader import load_addresses, load_config, read_secret
from daemon.mailboxes import mailboxes_of
from daemon.wiring import open_transport
from store.errors import ConfigError
from store.model.district import District

GOOD = """
[smtp]
listen = "127.0.0.1:0"
[relay]
folder = "outgoing"
[[district]]
pack = "chenggong"
mailboxes = ["Zuozhen@Example.GOV.CN"]
addresses = "addresses.toml"
"""

TEN_MISTAKES = """
colour = "red"
[store]
url = 3
[smtp]
listen = "0.0.0.0:99999"
max_sise_mb = 9
require_tls = true
[relay]
folder = "x"
host = "y"
[limits]
readers = 0
tries = "many"
[log]
level = "loud"
[[district]]
pak = "c"
mailboxes = ["a b"]
"""


def write(folder: Path, text: str, name: str = "zuozhen.toml") -> Path:
    """Write *text* as a file and return its path."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_good_file_becomes_absolute(tmp_path: Path) -> None:
    """Relative paths count from the file's folder, wherever the command is started."""
    loaded = load_config(write(tmp_path, GOOD))
    assert loaded.relay.folder == tmp_path / "outgoing"
    assert loaded.store.url == f"sqlite:///{tmp_path}/data/zuozhen.db"
    assert loaded.district[0].addresses == tmp_path / "addresses.toml"
    assert loaded.district[0].mailboxes == ("Zuozhen@example.gov.cn",)


def test_every_mistake_at_once(tmp_path: Path) -> None:
    """An operator mends the file in one go: each mistake is told with its key path, in Chinese."""
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, TEN_MISTAKES))
    told = {problem.key: str(problem) for problem in caught.value.problems}
    assert set(told) == {
        "colour",
        "store.url",
        "smtp.listen",
        "smtp.max_sise_mb",
        "relay",
        "limits.readers",
        "limits.tries",
        "log.level",
        "district.0.pack",
        "district.0.addresses",
        "district.0.pak",
        "district.0.mailboxes.0",
    }
    assert "是否想写 max_size_mb？" in told["smtp.max_sise_mb"]
    assert "不得小于 1" in told["limits.readers"]
    assert "debug、info、warning、error" in told["log.level"]
    assert all("zuozhen.toml" in line for line in told.values())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(None, "zuozhen init", id="absent"),
        pytest.param("[smtp", "TOML 语法错误", id="syntax"),
    ],
)
def test_unreadable_file(tmp_path: Path, text: str | None, words: str) -> None:
    """A file that cannot be read says what to do next."""
    path = write(tmp_path, text) if text is not None else tmp_path / "none.toml"
    with pytest.raises(ConfigError, match=words):
        load_config(path)


def test_not_utf8(tmp_path: Path) -> None:
    """A file saved in another encoding is named as such."""
    path = tmp_path / "zuozhen.toml"
    path.write_bytes("# 配置".encode("gb18030"))
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(path)


def test_one_mailbox_one_district(tmp_path: Path) -> None:
    """A mailbox of two districts would make every mail to it two cases."""
    second = GOOD + '[[district]]\npack = "wuhua"\nmailboxes = ["zuozhen@example.gov.cn"]\naddresses = "b.toml"\n'
    with pytest.raises(ConfigError, match=r"district\.1\.mailboxes.*已属于 district\.0"):
        load_config(write(tmp_path, second))


def test_unknown_department_is_named_with_a_suggestion(tmp_path: Path) -> None:
    """A mistyped department id in the address file must not silently get no mail."""
    text = '[sender]\naddress = "z@example.cn"\n[departments]\nscjj = "a@example.cn"\n'
    with pytest.raises(ConfigError, match=r"departments\.scjj.*是否想写 scj？"):
        load_addresses(write(tmp_path, text, "addresses.toml"), {"scj", "swj"})


def test_secret_is_read_late_and_never_shown(tmp_path: Path) -> None:
    """The password comes from its file and does not stand in any printed value."""
    secret = write(tmp_path, "hunter-two\n", "relay-password")
    relay = config.RelaySection(host="smtp.example.cn", username="z", password_file=secret)
    value = read_secret(relay)
    assert value is not None
    assert value.get_secret_value() == "hunter-two"
    assert "hunter" not in repr(relay) + repr(value)


def test_missing_secret_says_where(tmp_path: Path) -> None:
    """A password file that is not there is a configuration problem with its path, not a traceback."""
    relay = config.RelaySection(host="smtp.example.cn", username="z", password_file=tmp_path / "none")
    with pytest.raises(ConfigError, match="读不到发信口令"):
        read_secret(relay)


def test_password_of_the_database(tmp_path: Path) -> None:
    """The database's password is kept beside the configuration, counted from its folder, and never shown."""
    write(tmp_path, "hunter-two\n", "db-password")
    text = '[store]\nurl = "postgresql://zuozhen@db.example.org/zuozhen"\npassword_file = "db-password"\n' + GOOD
    store = load_config(write(tmp_path, text)).store
    assert store.url == "postgresql://zuozhen@db.example.org/zuozhen"
    value = read_secret(store)
    assert value is not None
    assert value.get_secret_value() == "hunter-two"
    with pytest.raises(ConfigError, match="读不到数据库口令"):
        read_secret(store.model_copy(update={"password_file": tmp_path / "none"}))


def test_credential_comes_from_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LoadCredential= gives the secret in a folder that only the unit sees."""
    write(tmp_path, "s3", "relay")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    value = read_secret(config.RelaySection(host="h", username="z", credential="relay"))
    assert value is not None
    assert value.get_secret_value() == "s3"


SECTIONS = (
    config.StoreSection,
    config.DoorSection,
    config.SenderCheckSection,
    config.MailboxSection,
    config.RelaySection,
    config.LimitsSection,
    config.HealthSection,
    config.PlatformSection,
    config.IntakeHttpSection,
    config.LogSection,
    config.DistrictSection,
    config.AddressBook,
)


@pytest.mark.parametrize("section", SECTIONS)
def test_reference_names_every_key(section: type[config.StoreSection]) -> None:
    """docs/配置.md tells each key with the same words as the code."""
    text = (Path(__file__).parents[2] / "docs" / "配置.md").read_text(encoding="utf-8")
    for name, field in section.model_fields.items():
        assert f"| `{name}` |" in text
        assert str(field.description) in text


BOX = """
[[mailbox]]
name = "坐诊信箱"
host = "imap.example.org"
user = "zuozhen@example.org"
password_file = "secret"
"""


def districts(*ids: str) -> dict[str, District]:
    """Return districts of which only id and time zone matter."""
    return {
        id_: District(
            id=id_,
            name="",
            programme="",
            document="",
            coordinator="",
            case_number="",
            timezone="Asia/Shanghai",
            departments={},
            grounds={},
            wording={},
        )
        for id_ in ids
    }


def test_mailbox_as_it_is_read(tmp_path: Path) -> None:
    """Paths count from the file's folder; the first day begins at midnight of the district; the password is read at each login."""
    write(tmp_path, "s3\n", "secret")
    loaded = load_config(write(tmp_path, GOOD + BOX + 'begin = 2026-11-30\nfolders = ["INBOX", "企业诉求"]\n'))
    (mailbox,) = mailboxes_of(loaded.mailbox, districts("chenggong"))

    assert [treatment.folder for treatment in mailbox.treatments] == ["INBOX", "企业诉求"]
    assert {treatment.district for treatment in mailbox.treatments} == {"chenggong"}
    assert mailbox.treatments[0].begin == datetime(2026, 11, 29, 16, tzinfo=UTC)
    assert mailbox.account.security == "tls"
    assert mailbox.password() == "s3"
    write(tmp_path, "s4", "secret")
    assert mailbox.password() == "s4"
    assert "s4" not in repr(mailbox)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('after = "move"', 'after = "move" 与 move_to 必须一起写'),
        ('after = "move"\nmove_to = "INBOX"', "move_to 不能是要收的文件夹"),
        ("begin = 2026-11-30T08:00:00", "应为日期，不带时刻"),
        ('begin = "下周"', "应为日期，如 2026-11-30"),
        ('folders = ["INBOX", "INBOX"]', "重复的文件夹"),
        ("poll_seconds = 3000", "不得大于 1500"),
        ('security = "ssl"', "只能是"),
    ],
)
def test_mailbox_that_cannot_be_meant(tmp_path: Path, text: str, problem: str) -> None:
    """Told when the file is read, not by the first mail."""
    with pytest.raises(ConfigError, match=re.escape(problem)):
        load_config(write(tmp_path, GOOD + BOX + text))


def test_the_authority_of_the_relay(tmp_path: Path) -> None:
    """Counted from the file's folder like every path; one that is no certificate is told of before the first mail."""
    (tmp_path / "authority.pem").write_text("none")
    loaded = load_config(write(tmp_path, GOOD.replace('folder = "outgoing"', 'host = "smtp.example.cn"\nauthority = "authority.pem"')))
    assert loaded.relay.authority == tmp_path / "authority.pem"
    with pytest.raises(ConfigError, match="证书用不了：不是 PEM 证书"):
        open_transport(loaded.relay)
    (tmp_path / "authority.pem").unlink()
    with pytest.raises(ConfigError, match="证书用不了：没有这个文件或目录"):
        open_transport(loaded.relay)


def test_mailboxes_against_each_other_and_the_districts(tmp_path: Path) -> None:
    """Two of one name, one folder twice, an unknown district, a missing password, a bad authority: all at once."""
    other = BOX.replace("zuozhen@", "other@").replace("坐诊信箱", "second")
    texts = [
        BOX,
        BOX,
        other + 'district = "wuhua"\n',
        other.replace("second", "third").replace("other@", "third@") + 'authority = "secret"\n',
    ]
    write(tmp_path, "s3", "secret")
    loaded = load_config(write(tmp_path, GOOD + "".join(texts)))
    with pytest.raises(ConfigError) as caught:
        mailboxes_of(loaded.mailbox, districts("chenggong"))
    said = str(caught.value)
    for words in ("已有一个邮箱叫 坐诊信箱", "已有另一节在收", "没有代号为 wuhua 的区", "不是 PEM 证书"):
        assert words in said
    with pytest.raises(ConfigError, match="有几个区，须写明归哪个区"):
        mailboxes_of(loaded.mailbox[:1], districts("chenggong", "wuhua"))
    (tmp_path / "secret").unlink()
    with pytest.raises(ConfigError, match="mailbox 坐诊信箱: 读不到邮箱口令：没有这个文件或目录"):
        mailboxes_of(loaded.mailbox[:1], districts("chenggong"))
