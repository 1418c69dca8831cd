"""Ten faxes as lines and feeders deliver them, read in the capped child: what stands on them, where, and how sure it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from channels.page_reader import PageReader
from store.errors import MalformedMessageError
from store.model.arrival import Channel
from store.model.petition import Reading
from tests.faxes import FAXES, FORM, degraded, error_rate, fax, form_page, letter_page

SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "fax_leptonica" / "prog"


pytestmark = pytest.mark.timeout(600)  # recognition is work for a processor, and on a machine under load that takes its time


@pytest.fixture
async def reader() -> AsyncIterator[PageReader]:
    """Make a reader of pages; its child ends with the test."""
    made = PageReader()
    yield made
    await made.close()


@pytest.mark.parametrize("name", FAXES)
async def test_fax_is_read(name: str, reader: PageReader) -> None:
    """Resolution, noise, skew and turn cost hardly a sign, and no field of the enterprise."""
    sent = FAXES[name]

    petition = (await reader.read(Channel.FAX, [sent.raw], "")).petition

    assert error_rate(petition.letter.text, sent.text) <= 0.02
    found = (petition.name, petition.uscc, petition.contact, petition.phone)
    assert tuple(field.value if field else None for field in found) == sent.fields
    assert petition.recognition is not None
    assert (petition.recognition.confidence or 0) > 0.95
    if name.startswith("form"):
        assert petition.title == FORM["诉求标题"]
        assert error_rate(petition.content, FORM["诉求内容"]) <= 0.02
        assert all(field is not None and field.how == "form" for field in found)


async def test_value_that_is_hard_to_read_is_marked_with_its_piece_of_the_page(reader: PageReader) -> None:
    """A bad line through the telephone number: the value is kept, marked, and the piece of the page is there to look at."""
    page = form_page()
    page.paste(255, (1095, 497, 1560, 505))  # the lower half of the digits is gone

    reading = await reader.read(Channel.FAX, [fax(degraded(page))], "")

    petition = reading.petition
    assert petition.phone is not None
    assert petition.phone.confidence is not None
    assert petition.phone.confidence < 0.85
    assert any(doubt.startswith(f"联系电话“{petition.phone.value}”有认不准的字（把握 ") for doubt in petition.letter.doubts)
    assert petition.recognition is not None
    (snippet,) = petition.recognition.snippets
    assert (snippet.field, snippet.page) == ("phone", 1)
    assert reading.blobs[snippet.sha256].startswith(b"\x89PNG")
    assert [file.name for file in petition.letter.attachments] == ["第1页.png"]


async def test_blank_page_is_for_a_person(reader: PageReader) -> None:
    """A page without a word (fed the wrong side down) is not passed over in silence."""
    with pytest.raises(MalformedMessageError, match="第 1 页是空白页。原件已保留，请人工查看"):
        await reader.read(Channel.FAX, [fax(degraded(letter_page([])))], "")


@pytest.mark.parametrize("count", [4, pytest.param(None, marks=pytest.mark.long)])
async def test_samples_of_leptonica_never_crash_the_child(count: int | None, reader: PageReader) -> None:
    """Pages of every depth, compression and language are read or refused in words; the child lives."""
    if not SAMPLES.is_dir():
        pytest.skip("第三方样本 fax_leptonica 不在")
    paths = sorted(SAMPLES.glob("*.tif"), key=lambda one: one.stat().st_size)[:count]
    outcomes: list[Reading | str] = []
    for path in paths:
        try:
            outcomes.append(await reader.read(Channel.FAX, [path.read_bytes()], ""))
        except MalformedMessageError as error:
            outcomes.append(str(error))

    assert all(isinstance(outcome, Reading) or "原件已保留" in outcome for outcome in outcomes)
    assert len(outcomes) == len(paths) > 0
    assert reader.worker.deaths == 0
