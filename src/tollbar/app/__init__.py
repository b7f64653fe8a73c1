"""The composition root: settings in, a served product out. `uvicorn --factory tollbar.app:create` works too.

What is served is imported when it is: commands that only look something up stay quick.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tollbar.app.serving import Application
    from tollbar.settings import Settings


def create() -> "Application":
    """The ASGI application of the settings in the environment; raises SettingsError."""
    from tollbar.app import serving

    return serving.create()


def serve(settings: "Settings", tell: Callable[[str], None]) -> None:
    """Serves until a signal ends it; raises what keeps it from starting. `tell` is told where, and the keys made."""
    from tollbar.app import serving

    serving.serve(settings, tell)
