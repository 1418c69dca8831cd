"""Facts that would crash, hang or mislead durable-rules, put to the real engine; and a message over which it dies, put to the daemon.

Each row of the table is an input known to harm the bare engine. It is refused here, or it makes no difference there; the child lives on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import durable_rules_engine
import pytest
import pytest_asyncio

from rules.engine import Engine
from rules.reference import Reference
from store.errors import MalformedMessageError
from store.model.arrival import ArrivalState
from tests.integration.houses import Bench, Enterprise, bench
from tests.integration.random_rules import book
from tests.rule_text import anchor, mention, rule, stages_of

STAGES = stages_of(
    rule("{all: [{mention: a}], none: [{mention: b}]}", name="只有a")
    + rule("{all: [{candidate: {likeness_at_least: 0.5}}]}", name="相似")
    + rule("{all: [{field: content, longer_than: 50}, {mention: c}]}", name="长文")
)
FIRED = ["只有a", "长文"]
ORDINARY = [mention("m1", "a"), mention("m2", "c")]


def nested(depth: int) -> object:
    """Return a value of so many dictionaries, one in the other, with keys of 2 kB."""
    value: object = 1
    for _ in range(depth):
        value = {"k" * 2_000: value}
    return value


def likeness(value: object) -> dict[str, Any]:
    """Return a candidate as like as *value* says."""
    return {"id": "p1", "k": "candidate", "likeness": value}


REFUSED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "no-facts": ([], "须有且只有一个 case"),
    "a-fact-without-anything": ([anchor(), {}], "编号不合格"),
    "a-bad-fact-among-good-ones": ([anchor(), mention("m1", "a"), {"id": "x"}, mention("m2", "c")], "种类不认识"),
    "an-id-of-nine-megabytes": ([anchor(), mention("x" * 9_000_000, "a")], "编号不合格"),
    "an-id-seen-twice": ([anchor(), mention("m1", "a"), mention("m1", "c")], "同一个编号"),
    "a-nested-value": ([anchor(), {**mention("m1", "a"), "list": nested(100)}], "list 不合格"),
    "an-array": ([anchor(), {**mention("m1", "a"), "list": ["a"] * 100_000}], "list 不合格"),
    "infinity": ([anchor(), likeness(float("inf"))], "likeness 不合格"),
    "not-a-number": ([anchor(), likeness(float("nan"))], "likeness 不合格"),
    "an-integer-with-exponent": ([anchor(), likeness(1e22)], "likeness 不合格"),
    "an-integer-the-engine-saturates-at": ([anchor(content_length=2**63)], "content_length 不合格"),
    "the-least-integer": ([anchor(content_length=-(2**63))], "content_length 不合格"),
    "a-number-as-text": ([anchor(), likeness("0.9")], "likeness 不合格"),
    "one-for-true": ([anchor(has_name=1)], "has_name 不合格"),
}

HARMLESS: dict[str, list[dict[str, Any]]] = {
    "three-hundred-properties": [anchor(**{f"x{number}": number for number in range(300)}), *ORDINARY],
    "text-of-seventeen-megabytes": [anchor(note="x" * (17 << 20)), *ORDINARY],
    "a-deep-property": [anchor(note=nested(100)), *ORDINARY],
    "properties-of-the-engine": [anchor(**{"$forward": 1, "sid": "other", "$m": "list"}), *ORDINARY],
    "a-key-of-nine-megabytes": [anchor(**{"k" * 9_000_000: 1}), *ORDINARY],
    "a-list-of-the-same-length-modulo-65536": [anchor(), *ORDINARY, mention("m3", "b" + "x" * 65_536)],
    "a-lone-surrogate": [anchor(), *ORDINARY, mention("m3", "\ud800")],
    "a-tiny-number": [anchor(), *ORDINARY, likeness(1e-7)],
    "nothing-where-a-number-may-be": [anchor(automatic=None, uscc_valid=None), *ORDINARY, likeness(None)],
    "a-number-that-rounds": [anchor(), *ORDINARY, likeness(0.499_999_4)],
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Return one engine for all rows: at the end its child must still be the first one."""
    opened = Engine(book(STAGES))
    (worker,) = opened.workers
    first = worker.pid
    yield opened
    assert worker.pid == first
    opened.close()


def fired(engine: Engine, facts: list[dict[str, Any]]) -> list[str]:
    """Return the rules that fire by *engine*, which must be those that fire by the plain evaluator."""
    found = engine.infer(0, facts)
    assert found == Reference(STAGES).infer(0, facts)
    return [firing.rule for firing in found]


@pytest.mark.parametrize(("facts", "problem"), REFUSED.values(), ids=REFUSED)
def test_refused(engine: Engine, facts: list[dict[str, Any]], problem: str) -> None:
    """What would crash or hang the engine, or be misread by it in silence, is refused in the parent, and the next case is answered."""
    with pytest.raises(MalformedMessageError, match=problem):
        engine.infer(0, facts)

    assert fired(engine, [anchor(), *ORDINARY]) == FIRED


@pytest.mark.parametrize("facts", HARMLESS.values(), ids=HARMLESS)
def test_harmless(engine: Engine, facts: list[dict[str, Any]]) -> None:
    """What no rule asks for never reaches the engine, and numbers reach it as both evaluators read them: the answer is the same."""
    assert fired(engine, facts) == FIRED


def test_a_first_case_in_which_nothing_fires() -> None:
    """A fresh engine whose first case is asked and fires nothing forgets that case unharmed: bare, it frees memory it never had."""
    engine = Engine(book(STAGES))
    try:
        (worker,) = engine.workers
        first = worker.pid
        for _ in range(3):
            assert fired(engine, [anchor(), mention("m1", "a"), mention("m2", "b")]) == []
        assert fired(engine, [anchor(), *ORDINARY]) == FIRED
        assert worker.pid == first
    finally:
        engine.close()


# ---------------------------------------------------------------- a message over which the engine dies

# The real engine, but for one thing: over a case whose title has 23 characters it dies, or hangs.
MORTAL = """
import importlib.util, os, signal, sys, time
spec = importlib.util.spec_from_file_location("durable_rules_engine", {path!r})
engine = importlib.util.module_from_spec(spec)
spec.loader.exec_module(engine)
assert_fact = engine.assert_fact
def mortal(handle, fact):
    if '"title_length": 23' in fact:
        {death}
    return assert_fact(handle, fact)
engine.assert_fact = mortal
sys.modules["durable_rules_engine"] = engine
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(module_database_url: str) -> AsyncIterator[Bench]:
    """One house for both deaths."""
    async with bench(module_database_url) as opened:
        yield opened


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("death", "problem"),
    [("os.kill(os.getpid(), signal.SIGSEGV)", "子进程意外退出（-11）"), ("raise engine.error('303')", "子进程意外退出（1）")],
    ids=["crash", "failure"],
)
async def test_a_message_that_kills_the_engine_is_set_aside(
    shared: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, death: str, problem: str
) -> None:
    """A message over which two children die gets its tries and goes to a person; those around it are decided, by the engine."""
    assert durable_rules_engine.__file__
    source = MORTAL.format(path=durable_rules_engine.__file__, death=death)
    (tmp_path / "durable_rules_engine.py").write_text(source, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    engine = Engine(shared.room.rulebook)
    try:
        assert engine.name == "durable-rules"
        before = await shared.accept(Enterprise().mail())
        stricken = await shared.accept(Enterprise().mail(subject="关" * 23))
        after = await shared.accept(Enterprise().mail())

        decided = await shared.run(rooms={"chenggong": replace(shared.room, engine=engine)})

        assert sorted(decided) == [before, after]
        kept = await shared.arrival(stricken)
        assert kept.state is ArrivalState.QUARANTINED
        assert kept.problem == f"{problem}；已尝试 3 次"
        assert kept.raw
    finally:
        engine.close()
