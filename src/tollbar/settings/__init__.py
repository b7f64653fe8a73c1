"""The settings: frozen, built once, with every fault reported at once and every secret masked.

`load` makes them; below the composition root nobody sees them, since constructors are given the values they need.
"""

from tollbar.settings.describe import Effective, effective
from tollbar.settings.faults import Fault, SettingsError
from tollbar.settings.loading import KnownNames, load
from tollbar.settings.secret import Secret
from tollbar.settings.sources import read_environment
from tollbar.settings.values import GUIDE, LOCAL, Declared, Settings

__all__ = [
    "GUIDE",
    "LOCAL",
    "Declared",
    "Effective",
    "Fault",
    "KnownNames",
    "Secret",
    "Settings",
    "SettingsError",
    "effective",
    "load",
    "read_environment",
]
