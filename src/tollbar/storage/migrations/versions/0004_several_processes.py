"""What several processes need of each other: who took whose place, and which allowances they should give back."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0004"
down_revision = "0003"

NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    """Adds the place of a process, which nobody had so far, and the table of recalls."""
    op.add_column("processes", Column("slot", Text))
    op.create_table(
        "recalls",
        Column("allowance", NUMBER, primary_key=True, autoincrement=False),
        Column("at", NUMBER, nullable=False),
    )
