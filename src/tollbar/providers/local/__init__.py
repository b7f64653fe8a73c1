"""Models that run on this machine: the shelf they stand on, the names people type, how they get here."""
