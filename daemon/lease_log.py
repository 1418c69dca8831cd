"""What the log says of the services that share a database."""

from __future__ import annotations

import structlog

from store.errors import StoreUnavailableError

log = structlog.get_logger()


class LeaseLog:
    """Logs what `store.leases` finds; called from its thread."""

    def lost(self, owner: str) -> None:
        """Log that the database did not hear of us in time."""
        log.warning("lease.lost", owner=owner)

    def took_over(self, arrivals: int, notices: int) -> None:
        """Log that the work of a service that died is free."""
        log.warning("lease.taken_over", arrivals=arrivals, notices=notices)

    def away(self, error: StoreUnavailableError) -> None:
        """Log that the sign of life could not be given."""
        log.warning("store.unavailable", part="leases", error=str(error))
