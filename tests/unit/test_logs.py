"""What the daemon says of itself: events for machines or for people, and never a word of what somebody wrote."""

import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog

from daemon import logs

SECRET = "沈秋实的手机13700001234"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Leave the process's logging as it was."""
    before, last_resort = structlog.get_config(), logging.lastResort
    yield
    structlog.configure(**before)
    logging.lastResort = last_resort


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the events on standard error; nothing goes to standard output."""
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def fail() -> None:
    """Raise as code does that meets a stranger's words where it expected none."""
    try:
        _look_up(SECRET)
    except KeyError as error:
        raise ValueError(f"no place for {SECRET}") from error


def _look_up(words: str) -> None:
    raise KeyError(words)


def test_one_json_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Off a terminal each event is one line of JSON with name, level, moment and values, Chinese as it is; line breaks stay inside."""
    logs.configure("info", "auto")
    structlog.get_logger().warning("arrival.postponed", problem="读不出来\n第二行", arrival_id=7)
    (event,) = said(capsys)
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "arrival.postponed", "level": "warning", "problem": "读不出来\n第二行", "arrival_id": 7}


@pytest.mark.parametrize(("level", "expected"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_level(level: str, expected: int, capsys: pytest.CaptureFixture[str]) -> None:
    """What is below the configured level is not said."""
    logs.configure(level, "json")
    log = structlog.get_logger()
    for method in (log.debug, log.info, log.warning, log.error):
        method("service.started")
    assert len(said(capsys)) == expected


@pytest.mark.parametrize("key", ["subject", "body", "text", "content", "title", "name", "contact", "phone", "uscc", "raw"])
def test_confidential_keys(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A value under a confidential key is never said."""
    logs.configure("info", "json")
    structlog.get_logger().info("arrival.decided", **{key: SECRET})
    assert said(capsys)[0][key] == "[保密]"


@pytest.mark.parametrize("key", ["sender", "recipient", "address", "to"])
def test_addresses_keep_their_domain(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of an address the domain is said, which an operator needs to find a broken relay."""
    logs.configure("info", "json")
    structlog.get_logger().info("notice.sent", **{key: "shen.qiushi@enterprise.example"})
    assert said(capsys)[0][key] == "@enterprise.example"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "邮件服务器拒收：550 5.1.1 <qy.88@enterprise.example>: user unknown",
            "邮件服务器拒收：550 5.1.1 <@enterprise.example>: user unknown",
        ),
        ("邮箱地址“张三@企业.example”不能用于发信", "邮箱地址“@企业.example”不能用于发信"),
        ("two: a@b.example,c@d.example", "two: @b.example,@d.example"),
        ("没有地址", "没有地址"),
    ],
)
def test_addresses_in_words(words: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A relay names the mailbox it refuses; what stands in words, lists and mappings is cut as well."""
    logs.configure("info", "json")
    structlog.get_logger().error("notice.refused", problem=words, problems=[words], more={"reply": words}, tries=2)
    (event,) = said(capsys)
    assert (event["problem"], event["problems"], event["more"], event["tries"]) == (expected, [expected], {"reply": expected}, 2)


def test_debug_says_all(capsys: pytest.CaptureFixture[str]) -> None:
    """Level debug is for a developer's own machine: there nothing is dropped."""
    logs.configure("debug", "json")
    structlog.get_logger().debug("letter.read", subject=SECRET, sender="a@b.example")
    assert said(capsys)[0]["subject"] == SECRET


@pytest.mark.parametrize("style", ["json", "console"])
def test_exceptions_without_their_text(style: Literal["json", "console"], capsys: pytest.CaptureFixture[str]) -> None:
    """Of an exception and its causes the places and classes are said, not the text and not the values of variables."""
    logs.configure("info", style)
    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("arrival.failed", arrival_id=3)
    text = capsys.readouterr().err
    assert SECRET not in text
    for part in ("arrival.failed", "ValueError", "KeyError", "_look_up", "test_logs.py"):
        assert part in text


def test_exception_given_as_value(capsys: pytest.CaptureFixture[str]) -> None:
    """An exception of a task that has ended is told in the same way."""
    logs.configure("info", "json")
    structlog.get_logger().error("rulebook.reload_failed", exc_info=KeyError(SECRET))
    assert said(capsys)[0]["exception"] == "builtins.KeyError"


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal an event is one readable line, as discreet as the JSON."""
    logs.configure("info", "console")
    structlog.get_logger().info("notice.sent", recipient="shen@enterprise.example", subject=SECRET)
    line = capsys.readouterr().err
    assert "notice.sent" in line
    assert "@enterprise.example" in line
    assert "shen" not in line
    assert SECRET not in line


def test_libraries_report_as_events(capsys: pytest.CaptureFixture[str]) -> None:
    """What a library reports by the standard logging comes as an event that names it, without its words."""
    logs.configure("info", "json")
    report = logging.LogRecord("asyncio", logging.ERROR, __file__, 1, "Task exception: %s", (SECRET,), (KeyError, KeyError(SECRET), None))
    assert logging.lastResort is not None
    logging.lastResort.handle(report)
    (event,) = said(capsys)
    assert event.pop("timestamp")
    assert event == {"event": "library.reported", "level": "error", "library": "asyncio", "exception": "builtins.KeyError"}
