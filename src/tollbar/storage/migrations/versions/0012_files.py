"""Files that keys have put at providers."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text

revision = "0012"
down_revision = "0011"

NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    """Adds the table of files."""
    op.create_table(
        "files",
        Column("key_id", Text, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("provider", Text, nullable=False),
        Column("document", LargeBinary, nullable=False),
        Column("at", NUMBER, nullable=False),
    )
