"""The rotating key in force."""

from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, LargeBinary, Text

revision = "0003"
down_revision = "0002"

NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    """Makes the table; it has no row before the first rotation."""
    op.create_table(
        "rotation",
        Column("id", Integer, primary_key=True),
        Column("number", NUMBER, nullable=False),
        Column("key_id", Text, ForeignKey("keys.id"), nullable=False),
        Column("sealed", LargeBinary, nullable=False),
        Column("created_at", NUMBER, nullable=False),
        Column("expires_at", NUMBER, nullable=False),
        CheckConstraint("id = 1", name="one"),
    )
