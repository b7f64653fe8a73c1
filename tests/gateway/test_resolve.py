"""A name becomes a plan: pure, in a fixed order, with its reasons."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.making import PRINCIPAL, a_model
from tollbar.domain.catalogue import Catalogue, Model, Plan, Target
from tollbar.domain.errors import InvalidModel, InvalidValue, NotAllowed, UnknownModel
from tollbar.domain.identity import Membership, Principal, assemble
from tollbar.gateway.attempts import rungs
from tollbar.gateway.resolve import MOST_COMPARED, Pin, find, may_use, permits, resolve

A_KEY = assemble("abcdefghij", "S" * 28)
ONE = Target("main", "one", supports=frozenset({"tools"}))
TWO = Target("spare", "two", supports=frozenset({"tools", "images"}))
ANY = Target("lab", "any")
LOCAL = Target("here", "small", is_local=True)

CATALOGUE = Catalogue(
    models={
        model.name: model
        for model in (
            Model("smart", (ONE, TWO, ANY)),
            Model("single", (ONE,)),
            Model("mixed", (ONE, LOCAL)),
            Model("main/pinned", (TWO,)),
        )
    },
    aliases={"gpt-3.5-turbo": "smart", "main/alias": "single", "dangling": "gone"},
    open_providers={"main": lambda name: Target("main", name), "lab": lambda name: Target("lab", name)},
    families=(("gpt-", "main"), ("llama", "lab")),
)


def plan_for(
    name: str,
    *features: str,
    principal: Principal = PRINCIPAL,
    is_up: Callable[[Target], bool] = lambda target: True,
    pin: Pin = Pin.NAMED,
) -> Plan:
    """The plan for a name."""
    return resolve(name, frozenset(features), principal, CATALOGUE, is_up, pin)


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("smart", ["main/one", "spare/two", "lab/any"]),
        ("gpt-3.5-turbo", ["main/one", "spare/two", "lab/any"]),
        ("main/pinned", ["spare/two"]),
        ("main/alias", ["main/one"]),
        ("main/anything/else", ["main/anything/else"]),
        ("gpt-9", ["main/gpt-9"]),
        ("llama-7b", ["lab/llama-7b"]),
    ],
)
def test_a_name_is_found_in_the_fixed_order(name: str, targets: list[str]) -> None:
    """Alias, configured model, open provider, family: the operator's words before the patterns."""
    assert [target.name for target in plan_for(name).targets] == targets


@pytest.mark.parametrize("name", ["main/anything", "gpt-9"])
def test_a_model_that_nobody_declared_has_the_catalogue_s_attempts(name: str) -> None:
    """Whoever is called by a name alone is tried as often as the settings say."""
    assert find(name, replace(CATALOGUE, attempts=5)).attempts == 5
    assert find(name, CATALOGUE).attempts == 3


@pytest.mark.parametrize(
    "name",
    [
        "",
        "unknown",
        "Smart",
        "spare/two",
        "main/",
        "/one",
        "main",
        "dangling",
        "gpt",
        "main/a\nb",
        "gpt-\ud800",
        "x" * 300,
    ],
)
def test_any_other_name_is_refused(name: str) -> None:
    """Nothing is served by surprise, whatever the name holds; the fault names its field."""
    with pytest.raises(UnknownModel) as fault:
        plan_for(name)
    assert fault.value.field == "model"
    assert len(fault.value.message) < 300
    fault.value.text.encode()


@pytest.mark.parametrize(
    ("name", "near"), [("smrat", "smart"), ("sing1e", "single"), ("gtp-3.5-turbo", "gpt-3.5-turbo")]
)
def test_a_mistyped_name_gets_the_nearest_ones(name: str, near: str) -> None:
    """Models and aliases alike; without a near one the list is pointed to."""
    with pytest.raises(UnknownModel) as fault:
        find(name, CATALOGUE)
    assert near in fault.value.hint
    with pytest.raises(UnknownModel) as other:
        find("zzzzzz", CATALOGUE)
    assert other.value.hint == "GET /v1/models lists the models that are."


@pytest.mark.parametrize(
    ("allowed", "name", "fits"),
    [
        ((), "smart", True),
        (("smart",), "smart", True),
        (("smart",), "single", False),
        (("smart",), "gpt-3.5-turbo", True),
        (("gpt-3.5-turbo",), "gpt-3.5-turbo", True),
        (("gpt-3.5-turbo",), "smart", False),
        (("gpt-*",), "gpt-9", True),
        (("main/*",), "gpt-9", False),
        (("*",), "single", True),
        (("s?art",), "smart", False),
        (("[a-z]*",), "smart", True),
        (("SMART",), "smart", False),
    ],
)
def test_a_key_opens_what_it_names(allowed: tuple[str, ...], name: str, fits: bool) -> None:
    """By the name that was called or the model behind it; `*` stands for anything; no names mean every model."""
    principal = replace(PRINCIPAL, models=allowed)
    if fits:
        assert plan_for(name, principal=principal).targets
        return
    with pytest.raises(NotAllowed, match="may not use") as fault:
        plan_for(name, principal=principal)
    assert fault.value.field == "model"
    assert allowed[0] in fault.value.hint


def test_names_are_matched_as_patterns_only_with_a_star() -> None:
    """A model's own name may hold brackets and question marks."""
    assert permits(("m[1]?",), "m[1]?")
    assert not permits(("m[1]?",), "m1x")


def test_targets_that_cannot_carry_the_request_are_skipped_with_their_reason() -> None:
    """One whose abilities are not known is tried."""
    plan = plan_for("smart", "images", "tools")
    assert [target.name for target in plan.targets] == ["spare/two", "lab/any"]
    assert plan.skipped == (("main/one", "it does not support images"),)


def test_a_request_that_no_target_can_carry_is_the_callers_fault() -> None:
    """Each target is named with what it lacks, and so is the field that asks for it."""
    with pytest.raises(InvalidValue, match="main/one: it does not support audio, images") as fault:
        plan_for("single", "images", "audio", "tools")
    assert fault.value.field == "messages"


@pytest.mark.parametrize(
    ("feature", "field"),
    [("json_schema", "response_format"), ("logprobs", "logprobs"), ("files", "messages"), ("tools", "tools")],
)
def test_the_field_that_asks_for_too_much_is_named(feature: str, field: str) -> None:
    """Not the model: the caller can leave the field out."""
    poor = Catalogue({"poor": Model("poor", (Target("main", "m", supports=frozenset()),))})
    with pytest.raises(InvalidValue) as fault:
        resolve("poor", frozenset({feature}), PRINCIPAL, poor, lambda target: True)
    assert fault.value.field == field


def test_open_circuits_are_left_out_while_another_target_is_up() -> None:
    """And the plan says so."""
    plan = plan_for("smart", is_up=lambda target: target is TWO)
    assert plan.targets == (TWO,)
    assert [name for name, _ in plan.skipped] == ["main/one", "lab/any"]
    assert "open circuit" in plan.reason


def test_when_every_circuit_is_open_all_are_tried() -> None:
    """A call is better than no call; a plan is never empty."""
    plan = plan_for("smart", is_up=lambda target: False)
    assert plan.targets == (ONE, TWO, ANY)
    assert plan.skipped == ()
    assert "every target's circuit is open" in plan.reason


def test_a_circuit_is_asked_once_for_each_target() -> None:
    """Its state may change between two questions: no target may get lost or come twice."""
    asked: list[str] = []

    def is_up(target: Target) -> bool:
        asked.append(target.name)
        return len(asked) % 2 == 0

    plan = plan_for("single", is_up=is_up)
    assert (plan.targets, asked) == ((ONE,), ["main/one"])


@pytest.mark.parametrize(
    ("name", "reason"), [("single", "the only target"), ("smart", "the configured order"), ("gpt-9", "the only target")]
)
def test_the_reason_for_the_order_is_told(name: str, reason: str) -> None:
    """So that a plan can be explained without calling anyone."""
    assert plan_for(name).reason == reason


@pytest.mark.parametrize("name", [A_KEY, f"main/{A_KEY}", "main/sk-proj-" + "x" * 40, f"gpt-{A_KEY}"])
def test_a_key_is_no_model(name: str) -> None:
    """Not even of a provider that serves any name: it would be sent there. The refusal does not repeat it."""
    with pytest.raises(UnknownModel) as refused:
        plan_for(name)
    assert "looks like an API key" in refused.value.message
    assert A_KEY[8:] not in f"{refused.value.message} {refused.value.hint}"


def pinned(pin: Pin, default: str = "single", local: str = "mixed", **more: Any) -> Plan:
    """The plan of an address that means another model than the one named."""
    catalogue = replace(CATALOGUE, default_model=default, default_local_model=local)
    arguments: Any = {"principal": PRINCIPAL, "is_up": lambda target: True, **more}
    return resolve("", frozenset(), catalogue=catalogue, pin=pin, **arguments)


def test_an_address_can_mean_the_default_model() -> None:
    """Whatever its name is, under the rules for names; a key that may not use it is told."""
    assert pinned(Pin.DEFAULT).targets == (ONE,)
    assert pinned(Pin.DEFAULT, default="gpt-3.5-turbo").model.name == "smart"
    with pytest.raises(NotAllowed):
        pinned(Pin.DEFAULT, principal=replace(PRINCIPAL, models=("smart",)))


def test_an_address_can_mean_the_local_model() -> None:
    """Its local targets alone; one without any was called local by the operator, and is believed."""
    assert pinned(Pin.LOCAL).targets == (LOCAL,)
    assert pinned(Pin.LOCAL, local="smart").targets == (ONE, TWO, ANY)
    with pytest.raises(UnknownModel):
        pinned(Pin.LOCAL, local="nowhere")


def test_the_local_model_stands_behind_the_default_one() -> None:
    """It is tried when nothing else is left, and the plan says so."""
    plan = pinned(Pin.DEFAULT_OR_LOCAL)
    assert (plan.model.name, plan.targets) == ("single", (ONE, LOCAL))
    assert plan.reason == "the only target; then the local model"


def test_an_attempt_is_kept_for_the_local_model() -> None:
    """However many targets stand before it; what is left out for it is named."""
    plan = pinned(Pin.DEFAULT_OR_LOCAL, default="smart")
    assert plan.targets == (ONE, TWO, LOCAL)
    assert plan.skipped == (("lab/any", "an attempt is kept for the local model"),)
    assert LOCAL in rungs(plan)


def test_a_single_attempt_leaves_the_local_model_one_of_its_own() -> None:
    """`attempts: 1` forbids to try again, not to fall back; every other address keeps to it."""
    models = {name: replace(model, attempts=1) for name, model in CATALOGUE.models.items()}
    once = replace(CATALOGUE, models=models, default_model="smart", default_local_model="mixed")
    plan = resolve("", frozenset(), PRINCIPAL, once, lambda target: True, Pin.DEFAULT_OR_LOCAL)
    assert rungs(plan) == [ONE, LOCAL]
    assert rungs(resolve("", frozenset(), PRINCIPAL, once, lambda target: True, Pin.DEFAULT)) == [ONE]


def test_the_local_model_answers_at_once_while_every_other_circuit_is_open() -> None:
    """And is not even planned where it is down itself, where the key may not use it, or where there is none."""
    assert pinned(Pin.DEFAULT_OR_LOCAL, is_up=lambda target: target.is_local).targets == (LOCAL,)
    assert pinned(Pin.DEFAULT_OR_LOCAL, is_up=lambda target: not target.is_local).targets == (ONE,)
    assert pinned(Pin.DEFAULT_OR_LOCAL, principal=replace(PRINCIPAL, models=("single",))).targets == (ONE,)
    assert pinned(Pin.DEFAULT_OR_LOCAL, local="nowhere").targets == (ONE,)


def test_a_default_model_that_is_local_is_not_planned_twice() -> None:
    """One target is one target, whichever name it is reached by."""
    assert pinned(Pin.DEFAULT_OR_LOCAL, default="mixed").targets == (ONE, LOCAL)


@pytest.mark.parametrize(("name", "allowed"), [("unknown", ()), ("single", ("smart", "gpt-*")), ("", ())])
def test_a_name_in_the_address_is_on_the_keys_list_or_refused(name: str, allowed: tuple[str, ...]) -> None:
    """Unknown and forbidden names alike; the refusal lists what the key may call."""
    with pytest.raises(InvalidModel) as fault:
        plan_for(name, principal=replace(PRINCIPAL, models=allowed), pin=Pin.LISTED)
    assert (fault.value.text, fault.value.field) == ("Invalid model name", "model_name")
    assert fault.value.details == {"allowed": list(allowed or CATALOGUE.models)}
    assert plan_for("main/any/thing", pin=Pin.LISTED).targets[0].name == "main/any/thing"


def test_a_plan_is_the_same_every_time() -> None:
    """It is pure: the same question has the same answer."""
    assert plan_for("smart", "tools") == plan_for("smart", "tools")
    assert plan_for("gpt-9") == plan_for("gpt-9")


def test_looking_for_the_nearest_name_is_bounded() -> None:
    """A long list of models and a long wrong name cost no more than short ones: only so many are compared."""
    names = {f"provider-{number}/model-name-{number}-instruct": a_model() for number in range(MOST_COMPARED + 1)}
    last = f"provider-{MOST_COMPARED}/model-name-{MOST_COMPARED}-instruct"
    with pytest.raises(UnknownModel) as fault:
        find(f"{last}x", Catalogue(names))
    assert last not in fault.value.hint
    with pytest.raises(UnknownModel) as fault:
        find("provider-7/model-name-7-instrukt", Catalogue(names))
    assert "provider-7/model-name-7-instruct" in fault.value.hint


def test_a_model_must_be_open_to_the_key_and_to_its_team() -> None:
    """Either list alone keeps it out, and each may name it in its own way; no list is no bound."""
    member = replace(PRINCIPAL, models=("s*",), team=Membership("team_a", "lab", ("single", "mixed")))
    assert plan_for("single", principal=member).model.name == "single"
    for name in ("smart", "mixed"):
        with pytest.raises(NotAllowed):
            plan_for(name, principal=member)
    assert [may_use(member, name) for name in ("single", "smart", "mixed")] == [True, False, False]
    assert may_use(replace(member, team=Membership("team_a", "lab")), "smart")
    assert may_use(member, "other", "single")
