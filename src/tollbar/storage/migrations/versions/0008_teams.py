"""Teams, and allowances that are theirs or the installation's."""

from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, Text, UniqueConstraint

revision = "0008"
down_revision = "0007"

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
COLUMNS = "id, unit, granted, spent, leased, reset, period_start, period_end"


def upgrade() -> None:
    """Adds the table with the installation in it; every key so far has no team, and every allowance is of a key."""
    op.create_table(
        "teams",
        Column("id", Text, primary_key=True),
        Column("name", Text, nullable=False, unique=True),
        Column("models", Text, nullable=False),
        Column("limits", Text, nullable=False),
        Column("created_at", NUMBER, nullable=False),
        Column("version", Integer, nullable=False),
    )
    op.execute("INSERT INTO teams VALUES ('installation', 'installation', '[]', '[]', 0, 1)")
    op.add_column("keys", Column("team", Text, nullable=False, server_default=""))
    if op.get_bind().dialect.name == "sqlite":
        _rebuild()
    else:
        op.drop_constraint("allowances_key_id_fkey", "allowances", type_="foreignkey")
        op.alter_column("allowances", "key_id", new_column_name="owner")


def _rebuild() -> None:
    """SQLite cannot drop a foreign key: the rows move to another table, under the numbers that they have."""
    op.rename_table("allowances", "allowances_before")
    op.create_table(
        "allowances",
        Column("id", NUMBER, primary_key=True),
        Column("owner", Text, nullable=False),
        Column("unit", Text, nullable=False),
        Column("granted", NUMBER, nullable=False),
        Column("spent", NUMBER, nullable=False),
        Column("leased", NUMBER, nullable=False),
        Column("reset", Text, nullable=False),
        Column("period_start", NUMBER, nullable=False),
        Column("period_end", NUMBER),
        UniqueConstraint("owner", "unit"),
        CheckConstraint("granted >= 0 AND spent >= 0 AND leased >= 0", name="amounts"),
    )
    op.execute(f"INSERT INTO allowances (owner, {COLUMNS}) SELECT key_id, {COLUMNS} FROM allowances_before")  # noqa: S608
    op.drop_table("allowances_before")
