"""zuozhen.toml: every mistake at once, with its place and a remedy; secrets never printed."""

from pathlib import Path

import pytest

from daemon import config
from daemon.config_reader import load_addresses, load_config, read_secret
from store.errors import ConfigError

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
    config.MailboxSection,
    config.RelaySection,
    config.LimitsSection,
    config.HealthSection,
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
