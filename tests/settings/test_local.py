"""How models of this machine are run, as settings."""

from pathlib import Path

import pytest

from tests.app.making import settings_of
from tollbar.settings import SettingsError
from tollbar.settings.local import Local


def test_nothing_needs_to_be_set() -> None:
    """The machine decides: its memory, its cores; a model that nobody calls goes after ten minutes."""
    local = Local()
    assert (local.memory_mib, local.threads, local.parallel, local.context_tokens) == (0, 0, 4, 4_096)
    assert (local.idle_seconds, local.queue, local.preload) == (600.0, 64, ())


def test_it_is_a_section_of_the_file(tmp_path: Path) -> None:
    """With names that may stand alone, and environment names like all others."""
    settings = settings_of(tmp_path, "local: {preload: tiny, memory_mib: 2000}\n")
    assert (settings.local.preload, settings.local.memory_mib) == (("tiny",), 2_000)


@pytest.mark.parametrize("wrong", ["parallel: 0", "context_tokens: 3", "idle_seconds: -1", "queue: -1", "thread: 1"])
def test_what_makes_no_sense_is_refused(tmp_path: Path, wrong: str) -> None:
    """With the name of the setting."""
    with pytest.raises(SettingsError, match=f"local.{wrong.partition(':')[0]}"):
        settings_of(tmp_path, f"local: {{{wrong}}}\n")


def test_a_target_may_be_a_model_of_this_machine(tmp_path: Path) -> None:
    """No provider has to be declared for it."""
    assert settings_of(tmp_path, "models: {small: local/tiny}\n").models["small"].targets == ("local/tiny",)
