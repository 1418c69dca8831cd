"""The error tree; the class decides the SMTP reply, the retry, and what the operator sees.

ZuozhenError
├── TemporaryError            SMTP 451; tried again with growing pauses; logged as a warning
│   ├── StoreUnavailableError     the database is locked, full or away
│   ├── OutrunError               another service recorded in the district meanwhile; decided again at once
│   ├── ChannelUnavailableError   a mailbox's server is away, hung up, or answers what nobody can understand
│   │   ├── LoginRefusedError         it is there, but does not let us in: password, rights, not our network
│   │   └── CommandRefusedError       it is there and let us in, but said no to this one command; the connection goes on
│   ├── WorkerFailedError         a child process died or ran out of time; the question may be asked again
│   └── DeliveryDeferredError     the relay said 4xx, or could not be reached
├── MalformedMessageError     accepted (250), then quarantined with its bytes; never retried by itself
├── DeliveryRefusedError      the relay said 5xx for good; the case stays visible
│   ├── AddressRefusedError       … for its recipient; whoever must hear that nobody is reached there is told
│   └── MailTooLargeError         … for its size (552); tried at once without the original
├── ConfigError               every problem of a file at once; the command exits with 2
└── UsageError                a person asked for something that does not exist or is not allowed now; exit 2
    ├── RepeatedKeyError          a program used its key for one body again for another; HTTP 409
    └── OvertakenError            somebody else has ordered another pack since one looked

Anything else is a bug: 451 before the arrival is committed, 250 after; the arrival stays undecided and is tried again a few times, then quarantined.
"""

from __future__ import annotations

from dataclasses import dataclass


class ZuozhenError(Exception):
    """Root of every error this product raises on purpose."""


class TemporaryError(ZuozhenError):
    """Trouble of our own that may pass; the same attempt is worth repeating."""


class StoreUnavailableError(TemporaryError):
    """The database could not take or give data just now."""


class OutrunError(TemporaryError):
    """A decision was made on what another service's case has changed meanwhile."""


class ChannelUnavailableError(TemporaryError):
    """A server that we fetch from could not be reached, broke off, or broke the protocol. The text (Chinese) says which and what to do."""


class LoginRefusedError(ChannelUnavailableError):
    """The server answered and did not let us in; trying again soon may lock the account."""


class CommandRefusedError(ChannelUnavailableError):
    """The server refused one command (IMAP NO or BAD) and still listens."""


class WorkerFailedError(TemporaryError):
    """A child process died, hung or ran out of memory while it answered."""


class DeliveryDeferredError(TemporaryError):
    """The relay did not take a notice now (SMTP 4xx, or no connection)."""


class MalformedMessageError(ZuozhenError):
    """A message that cannot be read within the limits; the text says what and where."""


class DeliveryRefusedError(ZuozhenError):
    """The relay refused a notice for good (SMTP 5xx)."""


class AddressRefusedError(DeliveryRefusedError):
    """The relay takes no mail for this address (SMTP 5xx to RCPT); `status` is its enhanced code (RFC 3463), "" where it gave none."""

    def __init__(self, words: str, *, status: str) -> None:
        """Say so in *words* (Chinese)."""
        super().__init__(words)
        self.status = status


class MailTooLargeError(DeliveryRefusedError):
    """The relay refused a notice for its size, or because the mailbox is full (SMTP 552)."""


class UsageError(ZuozhenError):
    """What a person asked for does not exist, or is not allowed in this state. The text (Chinese) says the next step."""


class RepeatedKeyError(UsageError):
    """An idempotency key came again with another body."""


class OvertakenError(UsageError):
    """The pack in force is no longer the one that was to be replaced: another was ordered meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in a file the operator wrote.

    `place` is `file` or `file:line`; `key` the path inside it (`rules.3.when.all.0.mention`), empty where the whole file is meant;
    `message` and `remedy` are Chinese, for the operator.
    """

    place: str
    key: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        """One line: place, key, what is wrong, what to do."""
        head = f"{self.place}: {self.key}: {self.message}" if self.key else f"{self.place}: {self.message}"
        return f"{head}（{self.remedy}）" if self.remedy else head


class ConfigError(ZuozhenError):
    """All mistakes found in configuration or pack files, never just the first."""

    def __init__(self, problems: list[Problem]) -> None:
        """Keep the problems in the order in which they were found."""
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
