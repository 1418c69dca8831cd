"""The one door to durable-rules: the only module that loads it, and only in child processes.

The engine is native code that can crash, hang or answer wrongly outside a narrow use; that use stands in `rules.shards` (what rules may
look like), in `rules.premises` (what facts may) and in `_Rulesets` below (which calls, in which order). A child serves one stage of one
case at a time and forgets it. Where the engine cannot be started at all, the plain evaluator answers until the rules are loaded anew, and
`degraded` says why.
"""

from __future__ import annotations

import json
import queue
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from rules.casefacts import CaseFacts, Key
from rules.language import Fact, Firing
from rules.premises import Premise, Selected, Selection, key_of
from rules.reference import Reference
from rules.shards import CATCH_ALL, build_shards
from store.errors import ConfigError, MalformedMessageError, Problem, WorkerFailedError
from store.workers import Answer, Caps, Worker, serve

if TYPE_CHECKING:
    from rules.compile import Alternative, Stage
    from rules.rulebook import RuleBook

T = TypeVar("T")

CAPS = Caps(seconds=10.0, memory=1 << 30, patience=60.0)  # a case takes milliseconds; the rest is for starting a child
_encode = json.JSONEncoder(ensure_ascii=False).encode
_MAX_FIRINGS = 2_000  # of one ruleset in one case
_SEEN = 2  # what assert_fact returns for an id it has seen
_WARM_UP = '{"id":"case","k":"case"}'
_NEEDS_RULES, _TOO_MANY = "needs-rules", "too-many"


class Engine:
    """Infers with the rules of one pack. Any thread may ask; as many questions run at once as there are workers."""

    def __init__(self, rulebook: RuleBook, *, workers: int = 1, caps: Caps = CAPS) -> None:
        """Start the engine and try the rules in its first child; ConfigError where it cannot take them."""
        self._stages = rulebook.stages
        self._selections = [Selection(stage) for stage in rulebook.stages]
        self._reference = Reference(rulebook.stages)
        self._reach = [_Reach() for _ in rulebook.stages]
        self._rulesets: list[bytes] = []
        for stage, reach in zip(rulebook.stages, self._reach, strict=True):
            for shard in build_shards(stage.compiled):
                reach.note(len(self._rulesets), shard, stage)
                self._rulesets.append(json.dumps(shard, ensure_ascii=False).encode())
        self.workers = [Worker(["-m", "rules.engine"], caps) for _ in range(workers)]
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        for worker in self.workers:
            self._idle.put(worker)
        self.degraded = self._start()

    @property
    def name(self) -> str:
        """What decides: "durable-rules", or "reference" where that could not be started."""
        return self._reference.name if self.degraded else "durable-rules"

    def infer(self, stage: int, facts: Iterable[Fact]) -> list[Firing]:
        """Return the rules of *stage* that *facts* make true, in the order of the pack, each with the first facts that do.

        Raises MalformedMessageError where the facts are no facts or too many, WorkerFailedError where a child died or hung over this
        case and a fresh one did so again.
        """
        if self.degraded:
            return self._reference.infer(stage, facts)
        case = CaseFacts.of_all(facts)
        selected = self._selections[stage].of(case)
        if not selected.possible:
            return []
        asked = self._reach[stage].asked(selected)
        answer = self._with_worker(lambda worker: self._ask(worker, asked, selected))
        if answer == _TOO_MANY:
            return self._reference.infer(stage, case)
        return _firings(self._stages[stage], selected, answer)

    def close(self) -> None:
        """End the children; waits for the questions they are at."""
        for worker in self.workers:
            worker.close()

    def _start(self) -> str:
        """Return why the engine cannot be used, "" where it can; ConfigError where it runs but does not take the rules."""
        try:
            self._with_worker(lambda worker: worker.ask(json.dumps({"ask": "start"})))
        except (MalformedMessageError, WorkerFailedError) as error:
            self.close()
            return f"durable-rules 无法启动：{error}"
        try:
            self._with_worker(self._load)
        except (MalformedMessageError, WorkerFailedError) as error:
            self.close()
            problem = Problem(
                place="rules", key="", message=f"推理引擎装不进这些规则：{error}", remedy="把上次改动的规则分批加回，找出是哪一条"
            )
            raise ConfigError([problem]) from error
        return ""

    def _with_worker(self, use: Callable[[Worker], T]) -> T:
        """Use an idle worker; where its child dies or hangs, once more with a fresh child."""
        worker = self._idle.get()
        try:
            try:
                return use(worker)
            except (WorkerFailedError, OSError):
                return use(worker)
        except OSError as error:
            raise WorkerFailedError(f"子进程无法启动：{error}") from error
        finally:
            self._idle.put(worker)

    def _load(self, worker: Worker) -> None:
        worker.ask(json.dumps({"ask": "load"}), self._rulesets)

    def _ask(self, worker: Worker, asked: Mapping[int, list[int]], selected: Selected) -> Any:  # noqa: ANN401 - JSON
        question = json.dumps({"ask": "infer", "rulesets": list(asked.items())})
        facts = [_fact(f"f{position}", premise) for position, premise in enumerate(selected.premises)]
        facts.append(_fact("case", selected.anchor))
        whole = ["\n".join(facts).encode()]  # one blob, for each costs system calls; JSON has no line ends of its own
        answer = json.loads(worker.ask(question, whole)[0])
        if answer == _NEEDS_RULES:  # a fresh child
            self._load(worker)
            answer = json.loads(worker.ask(question, whole)[0])
        if answer == _NEEDS_RULES:
            raise WorkerFailedError("子进程刚装入规则就退出了")
        return answer


class _Reach:
    """Which rulesets of a stage must be asked about a case: those that hold a possible alternative, each with the facts it knows of."""

    def __init__(self) -> None:
        self._ruleset: dict[tuple[int, int], int] = {}
        self._keys: dict[int, set[Key]] = {}

    def note(self, ruleset: int, names: Iterable[str], stage: Stage) -> None:
        """Remember what stands in the ruleset of this number: alternatives called *names*."""
        places = [(int(rule), int(branch)) for rule, _, branch in (name.partition(".") for name in names) if branch]
        self._ruleset |= dict.fromkeys(places, ruleset)
        alternatives = [stage.compiled[rule].alternatives[branch] for rule, branch in places]
        self._keys[ruleset] = {key_of(pattern) for one in alternatives for pattern in (*one.positive, *one.negative)}

    def asked(self, selected: Selected) -> dict[int, list[int]]:
        """Return the rulesets to be asked, each with the positions of the premises that any of its patterns is about."""
        keys = [premise.key for premise in selected.premises]
        return {
            ruleset: [position for position, key in enumerate(keys) if key in self._keys[ruleset]]
            for ruleset in dict.fromkeys(self._ruleset[place] for place in selected.possible)
        }


def _fact(identity: str, premise: Premise) -> str:
    return _encode({"id": identity, "k": premise.kind, **premise.properties})


def _firings(stage: Stage, selected: Selected, answer: list[tuple[str, list[int]]]) -> list[Firing]:
    """Return one firing a rule: of its true alternatives the first in the file, of its matches the one of the first facts."""
    best: dict[int, tuple[tuple[int, ...], list[int], Alternative]] = {}
    for name, positions in answer:
        number, branch = (int(part) for part in name.split("."))
        alternative = stage.compiled[number].alternatives[branch]
        found = (alternative.rank, positions, alternative)
        if number not in best or found[:2] < best[number][:2]:
            best[number] = found
    return [
        Firing(rule=stage.compiled[number].name, matched=_matched(alternative, positions, selected))
        for number, (_, positions, alternative) in sorted(best.items())
    ]


def _matched(alternative: Alternative, positions: Iterable[int], selected: Selected) -> dict[str, str]:
    matched = dict.fromkeys(alternative.anchor_aliases, selected.anchor.ids[0])
    for pattern, position in zip(alternative.positive, positions, strict=True):
        for suffix, identity in zip(("", "_b"), selected.premises[position].ids, strict=False):
            matched[pattern.alias + suffix] = identity
    return matched


# ---------------------------------------------------------------- child side


class _Rulesets:
    """The rules inside a child. Every call to durable-rules stands here, in the one order that is known to be safe."""

    def __init__(self) -> None:
        self._handles: list[int] = []
        self._engine: Any = None

    def answer(self, text: str, blobs: list[bytes]) -> Answer:
        """Answer one question of the parent: start, load, or infer. MalformedMessageError with the engine's own words where it refuses."""
        question = json.loads(text)
        match question["ask"]:
            case "start":
                self._start()
                return "", []
            case "load":
                self._load(blobs)
                return "", []
        if not self._handles:
            return json.dumps(_NEEDS_RULES), []
        return json.dumps(self._infer(question["rulesets"], blobs[0].decode().split("\n"))), []

    def _start(self) -> None:
        try:
            import durable_rules_engine  # noqa: PLC0415 - the parent imports this module too and must never load native code
        except ImportError as error:
            raise MalformedMessageError(str(error)) from error
        self._engine = durable_rules_engine

    def _load(self, blobs: list[bytes]) -> None:
        self._start()
        handles: list[int] = []
        for number, blob in enumerate(blobs):
            try:
                handle = self._engine.create_ruleset(f"s{number}", blob.decode())
                warm = self._run(handle, [_WARM_UP])  # the first firing readies the memory that delete_state frees
            except self._engine.error as error:
                raise MalformedMessageError(f"第 {number + 1} 组：{error}") from error
            if not warm:
                raise MalformedMessageError(f"第 {number + 1} 组：试运行没有反应")
            handles.append(handle)
        self._handles = handles

    def _infer(self, rulesets: list[tuple[int, list[int]]], facts: list[str]) -> list[tuple[str, list[int]]] | str:
        """Return the firings of *rulesets*, each with the positions of its facts: name, and the positions of the facts matched."""
        found: list[tuple[str, list[int]]] = []
        for number, positions in rulesets:
            try:
                # The anchor last: only then has every `$not` seen what it must not find.
                firings = self._run(self._handles[number], [*(facts[position] for position in positions), facts[-1]])
            except self._engine.error as error:
                raise SystemExit(f"durable-rules: {error}") from error  # what it holds now is not to be trusted: a fresh child tries again
            if firings is None:
                return _TOO_MANY
            found += [_read_firing(name, matched) for name, matched in firings if name != CATCH_ALL]
        return found

    def _run(self, handle: int, facts: Sequence[str]) -> list[tuple[str, dict[str, Any]]] | None:
        """Assert *facts* one by one, collect every firing, forget the case; None where there are too many firings."""
        engine = self._engine
        firings: list[tuple[str, dict[str, Any]]] = []
        try:
            for fact in facts:
                code, offset = engine.assert_fact(handle, fact)
                if code == _SEEN:
                    raise RuntimeError("fact seen twice")
            started = engine.start_action_for_state(handle, offset)
            firing = started[1] if started else None
            while firing is not None:
                if len(firings) > _MAX_FIRINGS:
                    return None
                firings += json.loads(firing).items()
                firing = engine.complete_and_start_action(handle, offset)
        finally:
            engine.delete_state(handle, "0")
        return firings


def _read_firing(name: str, matched: Mapping[str, Any]) -> tuple[str, list[int]]:
    """Return the positions of the facts under p0, p1 …: the anchor and absences say nothing new."""
    facts = [matched[alias] for alias in sorted((alias for alias in matched if alias.startswith("p")), key=lambda alias: int(alias[1:]))]
    return name, [int(fact["id"][1:]) for fact in facts]


if __name__ == "__main__":
    serve(_Rulesets().answer)
