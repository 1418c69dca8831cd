"""What the figures of an evaluation mean."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from rules.workbench.evaluate import Label, Result, confusion, evaluate, read_labels
from store.errors import ConfigError

BARE = Label(
    id="a",
    channel="mail",
    input="a.eml",
    received_at="2024-10-10T10:00:00+08:00",
    enterprise={"name": None, "uscc": None, "phone": None, "contact": None},
    verdict="accept",
    ground=None,
    department="scj",
    co_departments=(),
    duplicate_of=None,
    same_problem=None,
)


def label(identity: str, **changes: Any) -> Label:
    """Return an accepted row of the market supervision department, changed."""
    return dataclasses.replace(BARE, id=identity, **changes)


def result(**changes: Any) -> Result:
    """Return the result that fits `BARE`, changed."""
    right = Result(
        verdict="accept",
        final=False,
        ground=None,
        department="scj",
        co_departments=(),
        duplicate_of=None,
        follow_up_of=None,
        same_problem=None,
        fields={},
        why="",
    )
    return dataclasses.replace(right, **changes)


def test_repeats_of_a_platform_are_counted_apart() -> None:
    """A refusal of ground 4 that only the platform's own record can show is left out of the second figures, of whatever channels they are."""
    first = label("p", channel="platform")
    needs_record = label("m", verdict="refuse", ground=4, duplicate_of="p")
    says_so = label("n", verdict="refuse", ground=4, duplicate_of="a")
    rows = [label("a"), first, needs_record, says_so]
    results = {"a": result(), "p": result(), "m": result(), "n": result(verdict="refuse", ground=4)}
    mails = [row for row in rows if row.channel == "mail"]

    figures = evaluate(mails, results, everything=rows)

    own = figures["without_platform_repeats"]
    assert isinstance(own, dict)
    assert (figures["rows"], figures["verdict_accuracy"], figures["ground_accuracy"]) == (3, 0.6667, 0.5)
    assert (own["rows"], own["verdict_accuracy"], own["ground_accuracy"]) == (2, 1.0, 1.0)


def test_figures_without_a_row_are_null() -> None:
    """Nothing labelled refuse, nothing to say about grounds: null, not zero and not one."""
    figures = evaluate([label("a")], {"a": result()})

    assert figures["ground_accuracy"] is None
    assert figures["follow_up_accuracy"] is None
    assert figures["same_problem_f1"] is None
    assert figures["duplicate_precision"] is None
    assert figures["duplicate_f1"] is None
    assert figures["field_accuracy"] == {"name": None, "uscc": None, "phone": None, "contact": None}


def test_row_without_result_is_wrong_everywhere() -> None:
    """A channel that is not built counts against every figure it has rows in."""
    rows = [label("a", enterprise={"name": "甲"}, co_departments=("swj",)), label("b", verdict="refuse", ground=3, department=None)]

    figures = evaluate(rows, {"a": None})

    assert figures["verdict_accuracy"] == 0
    assert figures["ground_accuracy"] == 0
    assert figures["department_accuracy"] == 0
    assert figures["co_department_f1"] == 0
    assert figures["field_accuracy"] == {"name": 0, "uscc": None, "phone": None, "contact": None}
    nothing: dict[str, object] = {
        "verdict": None,
        "final": None,
        "ground": None,
        "department": None,
        "co_departments": [],
        "duplicate_of": None,
    }
    assert [(row["id"], row["got"]) for row in rows_of(figures)] == [("a", nothing), ("b", nothing)]


def rows_of(figures: dict[str, object]) -> list[dict[str, object]]:
    """Return the wrong rows of *figures*."""
    wrong = figures["wrong"]
    assert isinstance(wrong, list)
    return wrong


@pytest.mark.parametrize(
    ("got", "verdict", "ground", "finally_refused"),
    [
        (result(verdict="refuse", ground=2, department=None), 0.0, None, 0),
        (result(verdict="refuse", ground=2, department=None, final=True), 0.0, None, 1),
        (result(), 1.0, None, 0),
    ],
)
def test_proposed_refusal_is_a_refusal_but_not_a_final_one(got: Result, verdict: float, ground: float | None, finally_refused: int) -> None:
    """What a person must confirm counts as refused for the verdict, and not as finally refused."""
    figures = evaluate([label("a")], {"a": got})

    assert figures["verdict_accuracy"] == verdict
    assert figures["ground_accuracy"] == ground
    assert figures["finally_refused_accepts"] == finally_refused


def test_ground_counts_only_with_the_verdict() -> None:
    """The right ground beside another verdict is no refusal."""
    rows = [label("a", verdict="refuse", ground=2, department=None), label("b", verdict="refuse", ground=4, department=None)]
    results = {"a": result(verdict="refuse", ground=2), "b": result(verdict="supplement", ground=4)}

    figures = evaluate(rows, results)

    assert figures["ground_accuracy"] == 0.5
    assert figures["by_ground"] == {"1": None, "2": 1.0, "3": None, "4": 0.0, "5": None}


def test_department_of_a_supplement_without_one_is_not_asked() -> None:
    """Only rows whose label names a department can have it wrong."""
    rows = [label("a"), label("b", verdict="supplement", ground=1, department=None)]

    assert evaluate(rows, {"a": result(), "b": result(verdict="supplement", department="x")})["department_accuracy"] == 1.0


def test_accompanying_departments_are_counted_together() -> None:
    """One of two found, one found too many: F1 over all rows, not a mean of rows."""
    rows = [label("a", co_departments=("swj", "czj")), label("b")]
    results = {"a": result(co_departments=("swj",)), "b": result(co_departments=("sfj",))}

    assert evaluate(rows, results)["co_department_f1"] == 0.5


def test_duplicate_is_a_link_to_its_group_not_to_one_row() -> None:
    """Naming the second of three reports is as good as naming the first; follow-ups are left out."""
    rows = [
        label("a"),
        label("b", duplicate_of="a"),
        label("c", duplicate_of="a"),
        label("d", duplicate_of="a", verdict="follow_up"),
        label("e"),
    ]
    results = {
        "a": result(),
        "b": result(),
        "c": result(duplicate_of="b"),
        "d": result(verdict="follow_up", follow_up_of="b"),
        "e": result(duplicate_of="a"),
    }

    figures = evaluate(rows, results)

    assert (figures["duplicate_precision"], figures["duplicate_recall"], figures["duplicate_f1"]) == (0.5, 0.5, 0.5)
    assert figures["follow_up_accuracy"] == 1.0


def test_follow_up_of_another_case_is_wrong() -> None:
    """The verdict alone is not enough: it must go to its own case."""
    rows = [label("a"), label("b"), label("c", verdict="follow_up", duplicate_of="a", department=None)]
    results = {"a": result(), "b": result(), "c": result(verdict="follow_up", follow_up_of="b")}

    figures = evaluate(rows, results)

    assert figures["follow_up_accuracy"] == 0
    assert [row["id"] for row in rows_of(figures)] == ["c"]


def test_same_problem_is_counted_in_pairs() -> None:
    """Three enterprises with one problem make three pairs; a group of our own naming is as good as the label's."""
    rows = [label(name, same_problem="停水") for name in "abc"]
    results = {"a": result(same_problem="1"), "b": result(same_problem="1"), "c": result(same_problem="2")}

    assert evaluate(rows, results)["same_problem_f1"] == 0.5


def test_fields_are_compared_without_white_space() -> None:
    """A telephone number is the same however it is spaced."""
    rows = [label("a", enterprise={"phone": "138 8888 0000", "name": "甲"})]

    figures = evaluate(rows, {"a": result(fields={"phone": "13888880000", "name": "乙"})})

    assert figures["field_accuracy"] == {"name": 0, "uscc": None, "phone": 1.0, "contact": None}


def test_channels_are_told_apart() -> None:
    """Each channel has the same figures over its own rows."""
    rows = [label("a"), label("b", channel="fax")]

    by_channel = evaluate(rows, {"a": result()})["by_channel"]

    assert isinstance(by_channel, dict)
    assert {name: figures["verdict_accuracy"] for name, figures in by_channel.items()} == {"mail": 1.0, "fax": 0.0}


def test_confusion_names_grounds_and_missing_results() -> None:
    """The table shows what became of what."""
    rows = [label("a"), label("b", verdict="refuse", ground=4), label("c", verdict="refuse", ground=4)]
    results = {"a": result(), "b": result(), "c": None}

    assert confusion(rows, results) == {"accept": {"accept": 1}, "refuse 4": {"accept": 1, "none": 1}}


def test_figures_are_plain_json() -> None:
    """The command prints them as they are."""
    figures = evaluate([label("a"), label("b", verdict="not_a_case", department=None)], {"a": result(), "b": result()})

    assert json.loads(json.dumps(figures)) == figures


def test_labels_are_read_by_line_and_every_bad_line_is_named() -> None:
    """A broken labels file says all its bad lines at once."""
    good = json.dumps({**dataclasses.asdict(BARE), "why": "多余的栏目", "spans": []})

    assert read_labels([good, "", good], "labels.jsonl") == [BARE, BARE]
    with pytest.raises(ConfigError) as caught:
        read_labels([good, "{", json.dumps({"id": "x"})], "labels.jsonl")
    assert [problem.place for problem in caught.value.problems] == ["labels.jsonl:2", "labels.jsonl:3"]
