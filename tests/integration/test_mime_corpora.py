"""Real and invented mails by the hundred: the golden cases, public corpora, the five nasty ones, and mutations of all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.mime import read_letter
from store.errors import MalformedMessageError
from store.model.letter import Letter

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
DATA = ROOT.parent / "shared" / "data"
GENERATOR = ROOT.parent / "shared" / "bench" / "gen_corpus.py"
NOT_MAIL = {"SOURCE.md", "README.md", "LICENSE.upstream"}
ROWS = [row for line in (GOLDEN / "labels.jsonl").read_text("utf-8").splitlines() if (row := json.loads(line))["channel"] == "mail"]


def corpus(name: str, *below: str) -> list[Path]:
    """Return the mails of a public corpus; skips the test where it is not at hand."""
    folder = DATA.joinpath(name, *below)
    if not folder.is_dir():
        pytest.skip(f"第三方样本不在项目旁：{name}")
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in NOT_MAIL)


def read(path: Path) -> Letter | None:
    """Read the mail at *path*; None where it is refused. Any other exception fails the test."""
    try:
        return read_letter(path.read_bytes()).letter
    except MalformedMessageError:
        return None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["id"]))
def test_golden_mail(row: dict[str, object]) -> None:
    """Each golden mail is read in Chinese: no broken character, the quoted words are there, and only machines count as machines."""
    letter = read_letter((GOLDEN / "inputs" / str(row["input"])).read_bytes()).letter
    shown = letter.subject + letter.text
    assert "�" not in shown
    assert any("一" <= char <= "鿿" for char in shown)
    spans = row["spans"]
    assert isinstance(spans, list)
    if not letter.attachments:
        squeezed = "".join(shown.split())
        assert [span for span in spans if "".join(span.split()) not in squeezed] == []
    if row["verdict"] != "not_a_case":
        assert letter.automatic is None


@pytest.mark.parametrize("name", ["mail_enmime", "mail_mime4j", "mail_sisimai", "mail_flufl_bounce"])
def test_corpus_is_read(name: str) -> None:
    """Of each public corpus every file is read or refused with a reason; refused are only empty ones."""
    refused = [path for path in corpus(name) if read(path) is None]
    assert [path for path in refused if path.read_bytes().strip()] == []


@pytest.mark.parametrize(
    ("name", "below"), [("mail_sisimai", ("maildir", "bsd")), ("mail_sisimai", ("maildir", "err")), ("mail_flufl_bounce", ("data",))]
)
def test_bounces_are_automatic(name: str, below: tuple[str, ...]) -> None:
    """At least 95 of 100 real bounces and auto-replies are recognised, those without any header of RFC 3464 or 3834 included."""
    letters = [letter for path in corpus(name, *below) if (letter := read(path))]
    assert sum(letter.automatic is not None for letter in letters) >= 0.95 * len(letters)


def test_what_is_no_bounce() -> None:
    """The letters of people in sisimai's folder "not" are letters of people, one that attaches a bounce included.

    The third file there is a notice with a null sender and Auto-Submitted: no bounce that sisimai parses, but automatic all the same.
    """
    letters = {path.name: read(path) for path in corpus("mail_sisimai", "maildir", "not")}
    automatic = {name for name, letter in letters.items() if letter and letter.automatic}
    assert automatic == {"rb-issue-368-bug.eml"}


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate the five nasty mails of the benchmark."""
    if not GENERATOR.is_file():
        pytest.skip("第三方样本不在项目旁：bench/gen_corpus.py")
    folder = tmp_path_factory.mktemp("corpus") / "mails"
    subprocess.run([sys.executable, GENERATOR, folder, "10"], check=True, timeout=60)
    return folder.with_name("mails_nasty")


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("1_undeclared_gb18030", "未声明编码的投诉"),
        ("2_30mb_attachment", "超大附件投诉"),
        ("3_nested_500", "嵌套五百层"),
        ("4_10000_received", "一万行Received"),
        ("5_auto_replied", "自动回复：我正在休假"),
    ],
)
def test_nasty_mail(nasty: Path, name: str, subject: str) -> None:
    """Each nasty mail is read: subject, text with its rare character, attachment; only the last one is automatic."""
    parts = read_letter((nasty / f"{name}.eml").read_bytes())
    assert parts.letter.subject == subject
    assert parts.letter.text.startswith("尊敬的领导：您好，我要投诉小区停水的问题，已经连续停水七天，𠮷田先生家也一样")
    assert [len(blob) for blob in parts.blobs.values()] == ([30 << 20] if name.startswith("2") else [])
    assert (parts.letter.automatic is not None) is name.startswith("5")


def test_generated_mails(nasty: Path) -> None:
    """The benchmark's ordinary mails are read with the subject and sender of their manifest."""
    manifest = nasty.with_name("mails.manifest.jsonl").read_text("utf-8").splitlines()
    for row in map(json.loads, manifest):
        letter = read_letter((nasty.with_name("mails") / row["file"]).read_bytes()).letter
        assert letter.sender
        assert (letter.subject, letter.sender.name, letter.sender.address) == (row["subject"], row["name"], row["sender"])
        assert f"投诉人：{row['name']}" in letter.text


MULTIPART = b"From: a@b.cn\nContent-Type: multipart/mixed; boundary=x\n\n--x\n"
WORDS = b"=?a?q?x" * 2_000


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(MULTIPART + b"--\n" * 3_000_000, id="dashes"),
        pytest.param(b"a:\n" * 3_000_000, id="fields"),
        pytest.param(b"To: a\n" + b" a\n" * 3_000_000, id="folds"),
        pytest.param(b"To: " + b"a@b.cn, " * 1_000_000, id="addresses"),
        pytest.param(b"\n".join([b"To: " + b"a(b" * 9_000] * 300), id="comments"),
        pytest.param(b"Subject: " + WORDS, id="encoded-words"),
        pytest.param(MULTIPART + (b'Content-Type: a/b; name="' + WORDS + b'"\n\nx\n--x\n') * 500, id="file-names"),
        pytest.param((b"Content-Type: message/rfc822\nSubject: " + WORDS + b"\n\n") * 500, id="forwarded-subjects"),
        pytest.param(b"Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n" + b"YQ==\n" * 2_000_000, id="paddings"),
        pytest.param(b"Content-Type: text/plain; format=flowed\n\n" + b"a \n" * 1_000_000, id="soft-lines"),
        pytest.param(b"Content-Type: text/html\n\n" + b"<div style='a'>x" * 200_000, id="nested-html"),
        pytest.param(b"Content-Type: text/html\n\n" + b"<p>x</p>" * 1_000_000, id="flat-html"),
        pytest.param(b"\n" + ("投".encode() + b"\n" + "诉".encode("gb18030") + b"\n") * 300_000, id="mixed-charsets"),
    ],
)
@pytest.mark.timeout(60)
def test_hostile_mail(raw: bytes) -> None:
    """What took minutes in other mail software, or in earlier versions of ours, ends: as a letter or refused with a reason."""
    try:
        letter = read_letter(raw).letter
    except MalformedMessageError as refusal:
        assert "超过" in str(refusal)  # noqa: PT017 - either outcome is right
        return
    assert len(letter.text) <= 500_000
    assert len(letter.to) <= 200


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    row=st.sampled_from(ROWS),
    edits=st.lists(
        st.tuples(
            st.floats(0, 1),
            st.integers(0, 40),
            st.one_of(
                st.binary(max_size=12),
                st.sampled_from(
                    [
                        *(
                            b"\n\n",
                            b"\r",
                            b"\0",
                            b"--",
                            b"=?gb2312?B?",
                            b"?=",
                            b"Content-Type: message/rfc822\n\n",
                            b"charset=utf-16",
                            b"filename*0*=",
                        ),
                        *(
                            b"Content-Type: multipart/mixed; boundary=x\n\n--x\n",
                            b"Content-Transfer-Encoding: base64\n",
                            b"<table><tr><td>",
                            b"\x1b$B",
                        ),
                    ]
                ),
            ),
        ),
        min_size=1,
        max_size=8,
    ),
)
def test_mutated_mail(row: dict[str, object], edits: list[tuple[float, int, bytes]]) -> None:
    """A golden mail with bytes put in and taken out is read or refused; what comes out can be stored."""
    raw = bytearray((GOLDEN / "inputs" / str(row["input"])).read_bytes())
    for where, removed, added in edits:
        at = int(where**3 * len(raw))  # mostly in the headers, where it hurts
        raw[at : at + removed] = added
    try:
        letter = read_letter(bytes(raw)).letter
    except MalformedMessageError:
        return
    shown = letter.subject + letter.text + "".join(each.name for each in letter.attachments)
    assert "\0" not in shown
    assert shown.encode().decode() == shown
