"""The sample mails of the demo come out as samples.yaml promises to whoever watches it."""

from __future__ import annotations

import pytest

from channels.mime import read_letter
from channels.petition import read_petition
from daemon.demo.samples import Sample, samples
from store.model.arrival import Channel
from store.model.decision import Verdict
from tests.decisions.material import candidate, chenggong, decided


@pytest.mark.parametrize("sample", [pytest.param(sample, id=sample.name) for sample in samples()])
def test_sample_comes_out_as_promised(sample: Sample) -> None:
    """Verdict, ground and department are those shown; a follow-up is given the earlier case that its thread leads to."""
    parts = read_letter(sample.raw, envelope_from=sample.sender)
    earlier = [candidate(keys=["thread"])] if sample.verdict is Verdict.FOLLOW_UP else []

    decision = decided(chenggong(), read_petition(Channel.MAIL, parts.letter, parts.blobs), earlier)

    assert (decision.verdict, decision.ground) == (sample.verdict, sample.ground), decision.hits
    assert sample.department in {None, decision.department}, decision.scores
