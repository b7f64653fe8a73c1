"""What a command works with: the settings in force, the keys derived from the instance secret, the open store."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tollbar.app.known import known_names
from tollbar.settings import Settings, load, read_environment
from tollbar.settings.loading import ENV_FILE, KEY_NAME
from tollbar.settings.sources import read_env_file

if TYPE_CHECKING:
    from tollbar.admin.bootstrap import InstanceKeys


def read_settings(config: Path | None, data: Path | None, flags: Mapping[str, object] | None = None) -> Settings:
    """The settings of this process: its file, its environment, and the flags of the command; raises SettingsError."""
    return load(read_environment(), {"config": config, "data": data, **(flags or {})}, known_names())


def command_key() -> str:
    """The key with which commands call a server: TOLLBAR_KEY of the environment, else of .env; empty for none."""
    named = read_env_file(Path(ENV_FILE))[0].get(KEY_NAME)
    return read_environment().get(KEY_NAME) or (named.text if named else "")


def instance_keys(settings: Settings) -> "InstanceKeys":
    """The keys of this installation, whose secret is made if there is none; raises BootstrapError."""
    from tollbar.admin.bootstrap import derive, read_secret

    return derive(read_secret(settings.data, settings.secret.reveal() if settings.secret else None))
