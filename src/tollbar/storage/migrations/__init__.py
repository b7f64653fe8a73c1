"""The history of the tables, one Alembic migration per change; `upgrade.py` runs it."""
