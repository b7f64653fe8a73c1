"""What is offered with models that were pulled."""

from pathlib import Path

import pytest

from tests.app.making import an_offer, settings_of
from tollbar.app.catalogue import Offer
from tollbar.app.stocked import stocked
from tollbar.domain.errors import InvalidValue, UnknownModel
from tollbar.domain.identity import Principal
from tollbar.domain.local_models import Kind, LocalModel
from tollbar.domain.money import FREE
from tollbar.gateway.resolve import Pin, find, resolve

LAB = 'providers: {lab: {wire: openai, base_url: "http://127.0.0.1:9/v1"}}\n'
HIDING = 'providers: {local: {wire: openai, base_url: "http://127.0.0.1:9/v1"}}\n'


def pulled(name: str, kind: Kind = "chat", context: int | None = 2_048, aliases: tuple[str, ...] = ()) -> LocalModel:
    """A model that was pulled."""
    return LocalModel(name, kind, "gguf", Path(name), 1, context, "", "", "", "", aliases)


def an_offer_with(directory: Path, yaml: str, *models: LocalModel) -> Offer:
    """What these settings offer when these models were pulled, in this order."""
    return stocked(an_offer(directory, yaml), settings_of(directory, yaml), models)


def test_a_pulled_model_is_offered(tmp_path: Path) -> None:
    """By its name, its other names, and the long one; local, free, and no longer than it was made for."""
    offered = an_offer_with(tmp_path, "", pulled("tiny", aliases=("tiny-chat",)))
    for name in ("tiny", "tiny-chat", "local/tiny"):
        (target,) = find(name, offered.catalogue).targets
        assert (target.name, target.is_local, target.card, target.context_tokens) == ("local/tiny", True, FREE, 2_048)
    assert [model.name for model in offered.listed] == ["tollbar-guide", "tiny"]
    assert offered.catalogue.default_model == "tollbar-guide"
    assert find("tiny", offered.catalogue).owned_by == "local"


def test_the_settings_bound_how_long_a_call_may_be(tmp_path: Path) -> None:
    """What the model was made for is no reason to take the memory."""
    offered = an_offer_with(tmp_path, "local: {context_tokens: 1000}\n", pulled("tiny"), pulled("other", context=None))
    contexts = [find(name, offered.catalogue).targets[0].context_tokens for name in ("tiny", "other")]
    assert contexts == [1_000, 1_000]


def test_the_first_that_chats_is_the_default_local_model(tmp_path: Path) -> None:
    """In the guide's place, unless one was set; a model that makes vectors is none."""
    plain = an_offer_with(tmp_path, "", pulled("vectors", "embedding"), pulled("zeta"), pulled("alpha"))
    assert plain.catalogue.default_local_model == "zeta"
    assert resolve("", frozenset(), Principal("", ""), plain.catalogue, lambda _: True, Pin.LOCAL).model.name == "zeta"
    none = an_offer_with(tmp_path, "", pulled("vectors", "embedding"))
    assert none.catalogue.default_local_model == "tollbar-guide"
    for said in ("tollbar-guide", "local/alpha"):
        set_one = an_offer_with(tmp_path, f"default_local_model: {said}\n", pulled("zeta"), pulled("alpha"))
        assert set_one.catalogue.default_local_model == said.removeprefix("local/")


def test_the_settings_go_first(tmp_path: Path) -> None:
    """A name of theirs keeps its meaning; the pulled model then has its long name, also as their target."""
    yaml = f"{LAB}models: {{tiny: lab/big, mine: {{targets: [local/tiny, lab/big]}}}}\n"
    offered = an_offer_with(tmp_path, yaml, pulled("tiny", aliases=("mine",)), pulled("other"))
    assert [target.name for target in find("tiny", offered.catalogue).targets] == ["lab/big"]
    assert [target.name for target in find("mine", offered.catalogue).targets] == ["local/tiny", "lab/big"]
    assert [target.name for target in find("local/tiny", offered.catalogue).targets] == ["local/tiny"]
    assert [target.name for target in find("other", offered.catalogue).targets] == ["local/other"]
    assert offered.catalogue.default_local_model == "local/tiny"
    with pytest.raises(UnknownModel):
        find("lab/other", offered.catalogue)


def test_a_default_may_be_named_before_it_is_pulled(tmp_path: Path) -> None:
    """The start does not fail for it; a call says what to do."""
    yaml = f"{LAB}models: {{big: lab/big}}\ndefault_model: big\ndefault_local_model: local/tiny\n"
    offered = an_offer_with(tmp_path, yaml)
    with pytest.raises(UnknownModel, match="not on this machine") as told:
        find("local/tiny", offered.catalogue)
    assert told.value.hint == "Pull it: tollbar pull tiny."


def test_a_provider_of_that_name_hides_them(tmp_path: Path) -> None:
    """It was there first; a warning says so, when there is something to hide."""
    offered = an_offer_with(tmp_path, HIDING, pulled("tiny"))
    assert [target.provider for target in find("local/tiny", offered.catalogue).targets] == ["local"]
    assert "tiny" not in offered.catalogue.models
    assert "hides the models" in offered.warnings[0]
    assert an_offer_with(tmp_path, HIDING).warnings == ()


def test_pictures_are_refused(tmp_path: Path) -> None:
    """Tools, schemas and probabilities are not."""
    catalogue = an_offer_with(tmp_path, "", pulled("tiny")).catalogue
    for feature in ("tools", "json_schema", "logprobs"):
        resolve("tiny", frozenset({feature}), Principal("", ""), catalogue, lambda _: True)
    with pytest.raises(InvalidValue, match="images"):
        resolve("tiny", frozenset({"images"}), Principal("", ""), catalogue, lambda _: True)


def test_what_is_to_be_loaded_and_is_not_there_is_a_warning(tmp_path: Path) -> None:
    """The start goes on: it may be pulled meanwhile."""
    offered = an_offer_with(tmp_path, "local: {preload: [tiny, other]}\n", pulled("tiny"))
    assert offered.warnings == ("local.preload names 'other', which was not pulled: tollbar pull other.",)
