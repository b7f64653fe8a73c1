"""The names that settings may use beside their own: what the vendors' table brings."""

from tollbar.providers import aws, vendors
from tollbar.providers.rows import WIRES
from tollbar.settings import KnownNames


def known_names() -> KnownNames:
    """The vendors, the wires, and every environment name that a vendor's key or address is looked for under."""
    rows = vendors.load()
    names = {name for row in rows.values() for name in row.key_env}
    names |= {name for row in rows.values() for variables in row.placeholders.values() for name in variables}
    names |= {aws.SECRET, aws.TOKEN}
    return KnownNames(secrets=names, vendors=frozenset(rows), wires=WIRES)
