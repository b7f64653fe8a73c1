"""Where models come from, as it is set."""

from pathlib import Path

import pytest

from tests.settings.making import KNOWN
from tollbar.settings import SettingsError, load


def test_the_hub_is_hugging_face(tmp_path: Path) -> None:
    """Nothing has to be set."""
    hub = load({}, {}, KNOWN, tmp_path).hub
    assert (hub.endpoint, hub.token, hub.offline) == ("https://huggingface.co", None, False)


def test_the_names_of_its_own_tools_count(tmp_path: Path) -> None:
    """What people have set for Hugging Face's own programs holds here too."""
    names = {"HF_ENDPOINT": "http://mirror.example/", "HF_HUB_OFFLINE": "1", "HUGGING_FACE_HUB_TOKEN": "hf_old"}
    hub = load(names, {}, KNOWN, tmp_path).hub
    assert (hub.endpoint, hub.offline) == ("http://mirror.example", True)
    assert hub.token is not None
    assert hub.token.reveal() == "hf_old"
    newer = load({**names, "HF_TOKEN": "hf_new"}, {}, KNOWN, tmp_path).hub.token
    assert newer is not None
    assert newer.reveal() == "hf_new"


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    """The fault names the variable."""
    with pytest.raises(SettingsError, match="HF_ENDPOINT"):
        load({"HF_ENDPOINT": "mirror"}, {}, KNOWN, tmp_path)
