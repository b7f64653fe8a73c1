"""Thresholds of allowances, the alerts on their way, and where they go; and a Postgres tells of what changed."""

from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, LargeBinary, Text, UniqueConstraint

revision = "0016"
down_revision = "0015"

NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    """Adds the tables; allowances have the usual thresholds."""
    op.add_column("allowances", Column("alert_at", Text))
    op.create_table(
        "alerts",
        Column("id", Text, primary_key=True),
        Column("allowance", NUMBER, nullable=False),
        Column("threshold", Integer, nullable=False),
        Column("period", NUMBER, nullable=False),
        Column("body", Text, nullable=False),
        Column("at", NUMBER, nullable=False, index=True),
        Column("attempts", Integer, nullable=False),
        Column("next_at", NUMBER, index=True),
        Column("delivered_at", NUMBER),
        Column("fault", Text),
        UniqueConstraint("allowance", "threshold", "period"),
    )
    op.create_table(
        "webhook",
        Column("id", Integer, primary_key=True),
        Column("url", Text, nullable=False),
        Column("sealed", LargeBinary, nullable=False),
        CheckConstraint("id = 1", name="one"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION tollbar_tell() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_notify('tollbar_news', ''); RETURN NULL; END $$"
        )
        op.execute(
            "CREATE TRIGGER tollbar_tells AFTER UPDATE ON changes FOR EACH STATEMENT EXECUTE FUNCTION tollbar_tell()"
        )
