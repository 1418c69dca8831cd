"""Which organisation a domain belongs to, by the list of public suffixes; "relaxed" alignment (RFC 7489 3.1.1) rests on it.

The list comes with the package that reads it: no network is asked, and a suffix that is new since its release counts as an organisation.
"""

from __future__ import annotations

from functools import cache

from publicsuffixlist import PublicSuffixList


def organisation_of(domain: str) -> str:
    """Return the domain that somebody registered and under which *domain* lies: "km.gov.cn" for "mail.km.gov.cn"; "" for a public suffix."""
    return _list().privatesuffix(domain.strip(".").lower()) or ""


def same_organisation(one: str, other: str) -> bool:
    """Say whether both domains belong to one organisation."""
    found = organisation_of(one)
    return found != "" and found == organisation_of(other)


@cache
def _list() -> PublicSuffixList:
    return PublicSuffixList()  # a tenth of a second, once in a child
