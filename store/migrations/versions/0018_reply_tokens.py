"""Tokens of our mails: under which they are looked up, and in what capacity the addressee may answer.

Revision 0018, after 0017.
"""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_TO_ENTERPRISE = "('acknowledge', 'supplement', 'referral', 'progress')"
_BUNCH = 1_000


def upgrade() -> None:
    """Apply this revision. Who besides the enterprise was written to is not known of earlier mails: answers to those are kept, not acted on."""
    for name in ("office", "token_key"):
        op.add_column("notices", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.create_index("ix_notices_token", "notices", ["token_key", "district"])
    op.execute(f"UPDATE notices SET office = 'enterprise' WHERE purpose IN {_TO_ENTERPRISE}")  # noqa: S608 - constants
    connection, last = op.get_bind(), 0
    while True:
        query = sa.text("SELECT id, message_id FROM notices WHERE id > :last ORDER BY id LIMIT :bunch")
        rows = connection.execute(query, {"last": last, "bunch": _BUNCH}).all()
        if not rows:
            return
        keys = [{"this": row.id, "key": _key(row.message_id)} for row in rows]
        connection.execute(sa.text("UPDATE notices SET token_key = :key WHERE id = :this"), keys)
        last = rows[-1].id


def downgrade() -> None:
    """Take it back; the tokens themselves stay, in the Message-IDs."""
    op.drop_index("ix_notices_token", "notices")
    with op.batch_alter_table("notices") as notices:
        for name in ("office", "token_key"):
            notices.drop_column(name)


def _key(message_id: str) -> str:
    """Return what `store.tokens.key_of` gives for the first 32 digits, as it was when this revision was written."""
    return hashlib.sha256(message_id[:32].encode()).hexdigest()[:32]
