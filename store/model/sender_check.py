"""What our own check of a mail's sender found, and what the names in DNS said at that moment."""

from __future__ import annotations

from dataclasses import dataclass

from store.model.letter import Authentication

OURSELVES = "本系统"  # stands as `Authentication.by` where no server in front has looked


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderCheck:
    """The findings about one arrival. They hold as they were found: what a domain publishes tomorrow says nothing of a mail of today."""

    authentication: Authentication
    saw: tuple[str, ...] = ()  # each question to DNS and its answer, one line: "TXT _dmarc.firm.cn: v=DMARC1; p=reject"
