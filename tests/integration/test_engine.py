"""The engine as a whole: children that die, are replaced or cannot start, facts that are hostile, rules it must refuse."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rules.engine import CAPS, Engine
from rules.language import Firing
from rules.premises import MAX_PREMISES
from rules.reference import Reference
from rules.rulebook import load_pack
from store import workers
from store.errors import ConfigError, MalformedMessageError, WorkerFailedError
from store.workers import Caps
from tests.integration.random_rules import book
from tests.rule_text import anchor, mention, rule, stages_of
from tests.unit.test_reference import HOSTILE

SMALL = load_pack(Path(__file__).parents[1] / "packs" / "small")
CIVIL = [anchor(), mention("m1", "合同纠纷"), mention("m2", "其他企业")]
CIVIL_FIRED = [Firing(rule="民事纠纷_合同", matched={"c1": "m1", "c1_b": "m2"})]


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Return an engine with the rules of the small pack."""
    engine = Engine(SMALL)
    yield engine
    engine.close()


def pids(engine: Engine) -> list[int | None]:
    """Return the process ids of the engine's children."""
    return [worker.pid for worker in engine.workers]


def test_stages(engine: Engine) -> None:
    """Each stage runs its own rules: the first knows nothing yet of a civil dispute, the second does."""
    assert engine.name == "durable-rules"
    assert engine.degraded == ""
    assert engine.infer(0, CIVIL) == []
    assert engine.infer(1, CIVIL) == CIVIL_FIRED


def test_cases_do_not_know_of_each_other(engine: Engine) -> None:
    """What one case said is forgotten before the next."""
    request = [anchor(), mention("m1", "行政部门")]

    assert [firing.rule for firing in engine.infer(0, request)] == ["向行政机关提出请求", "归口_市场监管"]
    assert engine.infer(0, [anchor()]) == []
    assert engine.infer(0, request) == engine.infer(0, request)


def test_derived_facts_are_absent_or_not(engine: Engine) -> None:
    """A conclusion of the first stage keeps a rule of the second from firing."""
    assert engine.infer(1, [*CIVIL, {"id": "d1", "k": "derived", "name": "行政诉求"}]) == []


# ---------------------------------------------------------------- children that die


class Killer:
    """Kills the child that was just asked, before its answer is read: a death in mid-case."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        """Strike the next *times* answers of the only child of *engine*."""
        self.killed: list[int] = []
        read = workers._read

        def kill_and_read(fd: int, limit: workers._Limit | None) -> list[bytes]:
            (pid,) = pids(engine)
            if len(self.killed) < times and pid is not None:
                os.kill(pid, signal.SIGKILL)
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # it is dead now, and what it had written is all there is
                self.killed.append(pid)
                raise EOFError
            return read(fd, limit)

        monkeypatch.setattr(workers, "_read", kill_and_read)


def test_a_child_killed_in_mid_case_costs_one_retry(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The case is asked again of a fresh child, which has the rules, and the answer is right."""
    before = pids(engine)
    killer = Killer(engine, monkeypatch, times=1)

    assert engine.infer(1, CIVIL) == CIVIL_FIRED
    assert killer.killed == before
    assert pids(engine) != before


def test_a_second_death_is_told_and_the_next_case_is_answered(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case that costs two children is given up for now; the engine goes on."""
    killer = Killer(engine, monkeypatch, times=2)

    with pytest.raises(WorkerFailedError, match="子进程意外退出"):
        engine.infer(1, CIVIL)

    assert len(set(killer.killed)) == 2
    assert engine.infer(1, CIVIL) == CIVIL_FIRED


def test_a_child_that_died_between_cases_is_replaced(engine: Engine) -> None:
    """A child killed while it waits costs nothing but its replacement."""
    (pid,) = pids(engine)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    assert engine.infer(1, CIVIL) == CIVIL_FIRED


def test_children_are_replaced_in_time() -> None:
    """After its share of questions a child makes room for a fresh one, and no answer suffers."""
    engine = Engine(SMALL, caps=Caps(seconds=CAPS.seconds, memory=CAPS.memory, questions=5))
    try:
        seen = set()
        for _ in range(9):
            assert engine.infer(1, CIVIL) == CIVIL_FIRED
            seen.update(pids(engine))
    finally:
        engine.close()

    assert len(seen - {None}) == 3


def test_memory_of_a_child_stays_flat(engine: Engine) -> None:
    """A thousand cases leave no more in the child than the first hundred did."""
    (pid,) = pids(engine)
    status = Path(f"/proc/{pid}/statm")
    if not status.exists():
        pytest.skip("没有 /proc，无法量子进程的内存")

    def resident() -> int:
        return int(status.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    facts = [*CIVIL, *(mention(f"x{number}", name) for number, name in enumerate(SMALL.lists))]
    for _ in range(100):
        engine.infer(0, facts)
    before = resident()
    for _ in range(1_000):
        engine.infer(0, facts)

    assert pids(engine) == [pid]
    assert resident() - before < 1_000_000


def test_threads_share_the_workers() -> None:
    """Questions from many threads are answered each by itself."""
    engine = Engine(SMALL, workers=2)
    reference = Reference(SMALL.stages)
    names = list(SMALL.lists)
    cases = [
        [anchor(), *(mention(f"m{n}", names[(n * turn) % len(names)], sentence=n % 2) for n in range(turn % 7))] for turn in range(120)
    ]
    try:
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda facts: engine.infer(0, facts), cases))
    finally:
        engine.close()

    assert answers == [reference.infer(0, facts) for facts in cases]


def test_close_ends_the_children(engine: Engine) -> None:
    """Nothing of the engine outlives it; closing twice is harmless."""
    engine.close()
    engine.close()

    assert pids(engine) == [None]


# ---------------------------------------------------------------- hostile facts


@pytest.fixture(scope="module")
def shared() -> Iterator[Engine]:
    """Return one engine for all facts that must leave it unharmed; at the end its child is still the first one, and right."""
    engine = Engine(SMALL)
    before = pids(engine)
    yield engine
    assert engine.infer(1, CIVIL) == CIVIL_FIRED
    assert pids(engine) == before
    engine.close()


@pytest.mark.parametrize(("facts", "problem"), HOSTILE)
def test_hostile_facts_never_reach_a_child(shared: Engine, facts: list[dict[str, Any]], problem: str) -> None:
    """Facts of the wrong shape are refused in the parent."""
    with pytest.raises(MalformedMessageError, match=problem):
        shared.infer(0, facts)


@pytest.mark.parametrize(
    "word",
    [
        "x" * 9_000_000,
        "a1" + "x" * 65_536,  # the engine compares lengths modulo 65,536
        "\ud800",
        "\x00",
        "\"}]}'",
        "合同纠纷\n",
        "😀" * 1_000,
        "",
        "$forward",
        "sid",
    ],
    ids=range(10),
)
def test_strange_words_change_nothing(shared: Engine, word: str) -> None:
    """Whatever a fact is called, no child sees it unless the pack calls it so."""
    facts = [*CIVIL, mention("w", word), {"id": "d", "k": "derived", "name": word}, anchor(id="z", k="candidate") | {word or "leer": word}]

    assert shared.infer(1, facts) == CIVIL_FIRED


def test_a_letter_stuffed_with_words(shared: Engine) -> None:
    """Ten thousand mentions are weighed like the few that differ, with the first ones as evidence."""
    stuffing = [
        mention(f"s{number}", name, sentence=number % 500, where=("title", "content", "attachment")[number % 3])
        for number, name in enumerate(list(SMALL.lists) * 1_700)
    ]

    for stage in (0, 1):
        assert shared.infer(stage, [*CIVIL, *stuffing]) == Reference(SMALL.stages).infer(stage, [*CIVIL, *stuffing])


# ---------------------------------------------------------------- rules at the engine's limits


def limit_pack(*rules: str) -> Engine:
    """Return an engine with the rules of one stage."""
    return Engine(book(stages_of("".join(rules))))


WIDE_LISTS = [f"w{number}" for number in range(14)]


@pytest.mark.parametrize(
    ("rules", "facts"),
    [
        pytest.param(
            [rule("{all: [{mention: w}]}", name=f"r{number}") for number in range(600)],
            [mention("m", "w")],
            id="one-test-for-all",
        ),
        pytest.param(
            [rule(f"{{all: [{{field: content, shorter_than: {101 + number}}}]}}", name=f"r{number}") for number in range(200)],
            [],
            id="all-tests-true-at-once",
        ),
        pytest.param(
            [rule(f"{{all: [{{mention: w, near: v, within: {number}}}]}}", name=f"r{number}") for number in range(300)],
            [{"id": "n", "k": "near", "list": "w", "other": "v", "distance": 0}],
            id="many-distances-true-at-once",
        ),
        pytest.param(
            [rule(f"{{all: [{{mention: w{number}}}], none: [{{mention: v{number}}}]}}", name=f"r{number}") for number in range(700)],
            [mention(f"m{number}", f"w{number}") for number in range(0, 700, 5)],
            id="many-lists-and-absences",
        ),
        pytest.param(
            [
                rule(f"{{any: [{', '.join(f'{{mention: v{turn}x{number}}}' for number in range(64))}]}}", name=f"r{turn}")
                for turn in range(9)
            ],
            [mention(f"m{number}", f"v{number}x{63 - number}") for number in range(9)],
            id="many-alternatives",
        ),
    ],
)
def test_packs_at_the_limits(rules: list[str], facts: list[dict[str, Any]]) -> None:
    """Packs that would crash or hang one ruleset are spread over several and answered rightly."""
    engine = limit_pack(*rules)
    try:
        fired = engine.infer(0, [*facts, anchor()])
        assert fired == Reference(engine._stages).infer(0, [*facts, anchor()])
    finally:
        engine.close()

    assert fired


def test_too_many_matches_are_left_to_the_plain_evaluator() -> None:
    """Where the engine would have to list thousands of matches of one rule, the plain evaluator answers the same question at once."""
    every = rule(f"{{all: [{', '.join(f'{{mention: {name}}}' for name in WIDE_LISTS)}]}}")
    narrow = [
        rule(f"{{all: [{{mention: {name}, in: {place}}}]}}", name=f"{name}_{place}")
        for name in WIDE_LISTS
        for place in ("title", "content")
    ]
    engine = limit_pack(every, *narrow)
    facts = [anchor(), *(mention(f"{name}{place}", name, where=place) for name in WIDE_LISTS for place in ("title", "content"))]
    try:
        fired = engine.infer(0, facts)
        assert fired == Reference(engine._stages).infer(0, facts)
        before = pids(engine)
        few = [anchor(), *(mention(name, name) for name in WIDE_LISTS)]
        assert engine.infer(0, few) == Reference(engine._stages).infer(0, few)
        assert pids(engine) == before
    finally:
        engine.close()

    assert fired[0].matched["c14"] == "w13title"


def test_too_many_facts_are_refused() -> None:
    """More different facts than the engine is trusted with go to a person."""
    names = [f"w{number}" for number in range(MAX_PREMISES + 1)]
    engine = limit_pack(*(rule(f"{{all: [{{mention: {name}}}]}}", name=name) for name in names))
    try:
        with pytest.raises(MalformedMessageError, match="请人工处理"):
            engine.infer(0, [anchor(), *(mention(name, name) for name in names)])
    finally:
        engine.close()


# ---------------------------------------------------------------- an engine that is not there, or does not like the rules


def fake_engine(folder: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """Let children find this *source* where durable-rules should be."""
    (folder / "durable_rules_engine.py").write_text(source, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")


@pytest.mark.parametrize("source", ["raise ImportError('undefined symbol: PyEval_CallObject')", "import os; os.abort()"])
def test_without_durable_rules_the_plain_evaluator_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """Where durable-rules cannot be loaded the daemon decides all the same, and can say why and by what."""
    fake_engine(tmp_path, monkeypatch, source)

    engine = Engine(SMALL)

    assert engine.name == "reference"
    assert engine.degraded.startswith("durable-rules 无法启动：")
    assert engine.infer(1, CIVIL) == CIVIL_FIRED
    assert pids(engine) == [None]


def test_without_an_interpreter_the_plain_evaluator_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that cannot even be started is the same trouble."""
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")

    engine = Engine(SMALL)

    assert engine.name == "reference"
    assert "子进程无法启动" in engine.degraded


REFUSING = """
class error(Exception): pass
def create_ruleset(name, rules): raise error("Could not create ruleset, code 108")
"""
SILENT = """
class error(Exception): pass
def create_ruleset(name, rules): return 1
def assert_fact(handle, fact): return 1, 0
def start_action_for_state(handle, offset): return None
def delete_state(handle, sid): pass
"""


BROKEN_IN_CASE = (
    SILENT.replace("return None", "return 1, '{\"~end\":{}}'")
    + """
def complete_and_start_action(handle, offset): return None
def assert_fact(handle, fact):
    if '"mention"' in fact: raise error("Could not assert fact, code 303")
    return 0, 0
"""
)


def test_an_engine_that_refuses_a_fact_is_not_trusted_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where durable-rules reports a failure of its own in mid-case, the child ends and a fresh one tries; then it is told."""
    fake_engine(tmp_path, monkeypatch, BROKEN_IN_CASE)
    engine = Engine(SMALL)
    try:
        before = pids(engine)
        with pytest.raises(WorkerFailedError, match="子进程意外退出（1）"):
            engine.infer(0, [anchor(), mention("m1", "行政部门")])
        assert engine.infer(0, [anchor()]) == []
        assert pids(engine) != before
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (REFUSING, "第 1 组：Could not create ruleset, code 108"),
        (SILENT, "第 1 组：试运行没有反应"),
        (REFUSING.replace("raise error", "import os; os.abort()  #"), "子进程意外退出（-6）"),
    ],
    ids=["refused", "silent", "crashed"],
)
def test_rules_the_engine_cannot_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, problem: str) -> None:
    """Rules are tried in a child before they are used; what it does not take is a mistake of the pack, and the child is gone."""
    fake_engine(tmp_path, monkeypatch, source)

    with pytest.raises(ConfigError) as caught:
        Engine(SMALL)

    assert f"推理引擎装不进这些规则：{problem}" in str(caught.value)
