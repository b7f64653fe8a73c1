"""What a command works with."""

from pathlib import Path

import pytest

from tests.cli.running import Terminal
from tollbar.cli.context import instance_keys, read_settings
from tollbar.settings import Secret, load


def test_settings_are_those_of_the_process(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment, the file in this directory, and the command's flags."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    Path("tollbar.yaml").write_text("server: {port: 1, host: 10.0.0.1}\n")
    settings = read_settings(None, Path("there"), {"server.port": 2})
    assert (settings.server.port, settings.server.host, settings.data) == (2, "10.0.0.1", Path("there"))
    assert settings.secrets == {"OPENAI_API_KEY": Secret("sk-real")}


def test_the_instance_s_keys_come_from_its_secret(tmp_path: Path) -> None:
    """The configured secret goes before the data directory's, which is made when it is needed."""
    made = load({"TOLLBAR_DATA": str(tmp_path / "data")}, {}, directory=tmp_path)
    assert instance_keys(made) == instance_keys(made)
    configured = load({"TOLLBAR_SECRET": "gT5kq0Lw2Zx8Vb3Nm6Yc1Ra7Pd4Se9Uf"}, {}, directory=tmp_path)
    assert instance_keys(configured) != instance_keys(made)
