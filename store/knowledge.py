"""How often what matching can find in a district has changed: whoever decided on an older state decides again.

Case after case must see those before it, also where several services decide for one district. No lock is held for that while a rule
engine thinks: the number is read with the candidates and compared when the decision is recorded (docs/adr/0009).
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select, update

from store import dialects
from store.errors import OutrunError
from store.tables import KNOWLEDGE

_HERE = KNOWLEDGE.c.district == bindparam("here")
_READ = select(KNOWLEDGE.c.changes).where(_HERE)
_READ_AND_HOLD = _READ.with_for_update(read=True)
_ONE_MORE = update(KNOWLEDGE).where(_HERE).values(changes=KNOWLEDGE.c.changes + 1)
_ONE_MORE_THAN_SEEN = _ONE_MORE.where(KNOWLEDGE.c.changes == bindparam("seen"))


def read(connection: Connection, district: str) -> int:
    """Return the number as it stands (a unit of `Database.read`)."""
    return connection.scalar(_READ, {"here": district}) or 0


def check(connection: Connection, district: str, seen: int, *, adds: bool) -> None:
    """Raise OutrunError where the number is no longer the one *seen*; raise it by one where the decision *adds* something to find.

    A unit of `Database.write`, together with what it guards: until that is committed, others wait.
    """
    if adds:
        is_current = connection.execute(_ONE_MORE_THAN_SEEN, {"here": district, "seen": seen}).rowcount == 1
    else:
        is_current = (connection.scalar(_READ_AND_HOLD, {"here": district}) or 0) == seen
    if not is_current and not (adds and seen == 0 and _is_first(connection, district)):
        raise OutrunError("在判断这一件时，同一区又登记了别的件；将重新判断")


def add(connection: Connection, district: str) -> None:
    """Raise the number by one, whatever it is: a person added something to find (a unit of `Database.write`)."""
    here = {"here": district}
    if not connection.execute(_ONE_MORE, here).rowcount and not _is_first(connection, district):
        connection.execute(_ONE_MORE, here)


def _is_first(connection: Connection, district: str) -> bool:
    """Write the first number of the district; say whether there was none."""
    first = {"district": district, "changes": 1}
    return connection.execute(dialects.insert_new(connection, KNOWLEDGE).returning(KNOWLEDGE.c.changes), first).first() is not None
