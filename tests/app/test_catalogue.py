"""What can be called, made of settings, vendors, found servers and prices."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.app.making import a_server, an_offer
from tollbar.app.catalogue import Offer, guide_target
from tollbar.domain.catalogue import Model, Target, Timeouts
from tollbar.domain.errors import InvalidValue, UnknownModel
from tollbar.domain.identity import Principal
from tollbar.domain.money import FREE, PriceCard, Rate
from tollbar.gateway.resolve import find, resolve
from tollbar.providers.vendors import VendorFaults

LAB = 'providers: {lab: {wire: openai, base_url: "http://127.0.0.1:9/v1"}}\n'


def target(offered: Offer, name: str) -> Target:
    """The only target of a model."""
    (found,) = find(name, offered.catalogue).targets
    return found


def test_without_anything_the_guide_answers(tmp_path: Path) -> None:
    """Nothing configured: the guide is the one model, the default, listed, free and on this machine."""
    offered = an_offer(tmp_path)
    assert [model.name for model in offered.listed] == ["tollbar-guide"]
    assert (dict(offered.instances), offered.warnings) == ({}, ())
    assert offered.catalogue.default_model == "tollbar-guide"
    assert (guide_target().card, guide_target().is_local, guide_target().name) == (FREE, True, "tollbar/tollbar-guide")


@pytest.mark.parametrize("name", ["groq/llama-3.3-70b-versatile", "gpt-4o"])
def test_a_model_of_a_vendor_without_a_key_names_the_variable(tmp_path: Path, name: str) -> None:
    """By its vendor's name or bare; not where the key is there, and not where a file says what is served."""

    def remedy(yaml: str = "", **environment: str) -> str | None:
        try:
            find(name, an_offer(tmp_path, yaml, **environment).catalogue)
        except UnknownModel as fault:
            return fault.hint
        return None

    variable = "GROQ_API_KEY" if name.startswith("groq/") else "OPENAI_API_KEY"
    assert remedy() == f"For a model of that vendor, set {variable} where Tollbar runs, and start it again."
    assert remedy(**{variable: "sk-x"}) is None
    assert "GET /v1/models" in (remedy(f"{LAB}models: {{plain: lab/a}}") or "")


def test_tools_may_be_offered_to_the_guide(tmp_path: Path) -> None:
    """It never calls one. What it would have to look at, or a form it cannot keep, is refused."""
    catalogue = an_offer(tmp_path).catalogue

    def is_refused(feature: str) -> bool:
        try:
            resolve("tollbar-guide", frozenset({feature}), Principal("", ""), catalogue, lambda _: True)
        except InvalidValue:
            return True
        return False

    features = ("tools", "images", "audio", "files", "json_schema", "logprobs")
    assert [feature for feature in features if is_refused(feature)] == [*features[1:]]


def test_models_of_the_file(tmp_path: Path) -> None:
    """Targets in their order, strategy, multiplier and attempts, else those of the settings; aliases apart."""
    yaml = f"""{LAB}
retries: {{attempts: 4}}
models:
  smart: {{targets: [lab/a, lab/b/c, tollbar-guide], multiplier: 2.5, attempts: 2}}
  plain: lab/a
  nick: {{alias: smart}}
"""
    offered = an_offer(tmp_path, yaml)
    smart, plain = offered.catalogue.models["smart"], offered.catalogue.models["plain"]
    assert [one.name for one in smart.targets] == ["lab/a", "lab/b/c", "tollbar/tollbar-guide"]
    assert (smart.strategy, smart.multiplier, smart.attempts) == ("ordered", Decimal("2.5"), 2)
    assert (plain.multiplier, plain.attempts) == (1, 4)
    assert offered.catalogue.aliases == {"nick": "smart"}
    assert find("nick", offered.catalogue) is smart
    assert [model.name for model in offered.listed] == ["tollbar-guide", "smart", "plain"]


@pytest.mark.parametrize("name", ["lab/other", "openai/gpt-4o", "gpt-4o", "ollama/llama3.2", "nope"])
def test_models_in_the_file_close_the_catalogue(tmp_path: Path, name: str) -> None:
    """Then these are served and nothing else: no other model of a provider, no bare names, no found servers."""
    found = [a_server("ollama", "llama3.2")]
    offered = an_offer(tmp_path, f"{LAB}models: {{m: lab/a}}\n", found, OPENAI_API_KEY="sk-real")
    with pytest.raises(UnknownModel):
        find(name, offered.catalogue)
    assert [model.name for model in offered.listed] == ["tollbar-guide", "m"]


def test_providers_alone_leave_it_open(tmp_path: Path) -> None:
    """A provider without a list serves any name of its own, with the attempts of the settings."""
    offered = an_offer(tmp_path, f"{LAB}retries: {{attempts: 5}}\n")
    model = find("lab/some/model", offered.catalogue)
    assert (model.name, model.targets[0].name, model.attempts) == ("lab/some/model", "lab/some/model", 5)
    assert [model.name for model in offered.listed] == ["tollbar-guide"]


def test_the_default_model_is_listed(tmp_path: Path) -> None:
    """Whoever asks for the models finds the one that calls without a name go to."""
    offered = an_offer(tmp_path, "retries: {attempts: 1}\n", OPENAI_API_KEY="sk-real")
    assert [model.name for model in offered.listed] == ["tollbar-guide", offered.catalogue.default_model]
    assert offered.catalogue.default_model.startswith("openai/")


def test_vendors_of_the_environment(tmp_path: Path) -> None:
    """A key is enough: the vendor's models are open, its families also bare, at the price of the table."""
    offered = an_offer(tmp_path, "retries: {attempts: 1}\n", OPENAI_API_KEY="sk-real", GEMINI_API_KEY="g-real")
    assert sorted(offered.instances) == ["gemini", "openai"]
    bare, named = find("gpt-4o", offered.catalogue), find("openai/gpt-4o", offered.catalogue)
    assert (bare.targets, bare.owned_by, bare.attempts) == (named.targets, "openai", 1)
    assert target(offered, "gemini-2.5-flash").name == "gemini/gemini-2.5-flash"
    assert target(offered, "gpt-4o").card is not None
    assert target(offered, "gpt-4o").context_tokens == 128_000
    assert target(offered, "openai/of-tomorrow").card is None
    with pytest.raises(UnknownModel):
        find("claude-sonnet-4-5", offered.catalogue)


def test_the_file_s_provider_goes_before_the_environment_s(tmp_path: Path) -> None:
    """A provider named like a vendor is the file's own."""
    yaml = 'providers: {openai: {wire: openai, base_url: "http://127.0.0.1:9/v1", api_key: mine-1}}\n'
    offered = an_offer(tmp_path, yaml, OPENAI_API_KEY="sk-real")
    instance = offered.instances["openai"]
    assert (instance.base_url, instance.api_key) == ("http://127.0.0.1:9/v1", "mine-1")
    assert instance.credential == "providers.openai.api_key"


def test_what_is_set_in_vain_is_a_warning(tmp_path: Path) -> None:
    """A key of a vendor that lacks something else does not stop a start."""
    offered = an_offer(tmp_path, CLOUDFLARE_API_TOKEN="sk-cloud")
    assert dict(offered.instances) == {}
    (warning,) = offered.warnings
    assert "cloudflare" in warning


def test_openai_may_be_elsewhere(tmp_path: Path) -> None:
    """OPENAI_BASE_URL moves OpenAI and no other vendor."""
    keys = {"OPENAI_API_KEY": "sk-real", "GROQ_API_KEY": "gsk-real"}
    offered = an_offer(tmp_path, OPENAI_BASE_URL="http://127.0.0.1:9/v1/", **keys)
    assert offered.instances["openai"].base_url == "http://127.0.0.1:9/v1"
    assert offered.instances["openai"].api_key == "sk-real"
    assert offered.instances["groq"].base_url == "https://api.groq.com/openai/v1"


def test_one_model_of_one_server(tmp_path: Path) -> None:
    """LLM_BASE_URL is the provider `llm`, with its key."""
    offered = an_offer(tmp_path, LLM_BASE_URL="http://127.0.0.1:9/v1", LLM_MODEL="org/m", LLM_API_KEY="hush-hush")
    assert (offered.instances["llm"].api_key, target(offered, "llm/org/m").name) == ("hush-hush", "llm/org/m")


def test_found_servers_are_open_free_and_listed(tmp_path: Path) -> None:
    """Their models can be called and are listed under the server's name; any other name of theirs works as well."""
    offered = an_offer(
        tmp_path, "retries: {attempts: 2}\n", [a_server("ollama", "llama3.2", "org/q"), a_server("vllm")]
    )
    assert [model.name for model in offered.listed] == ["tollbar-guide", "ollama/llama3.2", "ollama/org/q"]
    assert [(model.owned_by, model.attempts) for model in offered.listed[1:]] == [("ollama", 2)] * 2
    assert (target(offered, "ollama/new").card, target(offered, "ollama/new").is_local) == (FREE, True)
    assert target(offered, "vllm/x").provider == "vllm"


def test_a_found_server_does_not_displace_a_configured_one(tmp_path: Path) -> None:
    """Its models are not listed then: the configured one is another server."""
    yaml = 'providers: {ollama: {wire: openai, base_url: "http://127.0.0.1:9/v1"}}\n'
    offered = an_offer(tmp_path, yaml, [a_server("ollama", "llama3.2")])
    assert offered.instances["ollama"].base_url == "http://127.0.0.1:9/v1"
    assert [model.name for model in offered.listed] == ["tollbar-guide"]


@pytest.mark.parametrize(
    ("said", "card"),
    [
        ("price: {input: 0.15, output: 60}", PriceCard("tollbar.yaml", Rate(150_000), Rate(60_000_000))),
        (
            "price: {input: 3, output: 6, cached_input: 0.3}",
            PriceCard("tollbar.yaml", Rate(3_000_000), Rate(6_000_000), cached_read=Rate(300_000)),
        ),
        (
            "price: {input: 0, output: 0, request: 0.04}",
            PriceCard("tollbar.yaml", Rate(0), Rate(0), per_request_pico=40_000_000_000),
        ),
        ("free: true", FREE),
        ("multiplier: 2", None),
    ],
)
def test_prices_of_the_file(tmp_path: Path, said: str, card: PriceCard | None) -> None:
    """A price in dollars per million tokens, none at all, or what the table says: of a server of one's own, nothing."""
    offered = an_offer(tmp_path, f"{LAB}models: {{m: {{targets: lab/a, {said}}}}}\n")
    assert target(offered, "m").card == card


def test_a_price_of_the_file_goes_before_the_table(tmp_path: Path) -> None:
    """Also what a model can read, and how long its answers may be."""
    yaml = "models: {m: {targets: openai/gpt-4o, context: 1000, max_output: 50, price: {input: 1, output: 1}}}\n"
    found = target(an_offer(tmp_path, yaml, OPENAI_API_KEY="sk-real"), "m")
    assert found.card is not None
    assert (found.card.version, found.context_tokens, found.max_output_tokens) == ("tollbar.yaml", 1_000, 50)


def test_time_outs_are_laid_over_each_other(tmp_path: Path) -> None:
    """The model's go before the provider's, those before the general ones, each by itself."""
    yaml = """
timeouts: {connect_seconds: 1, write_seconds: 1, total_seconds: 1}
providers:
  lab: {wire: openai, base_url: "http://127.0.0.1:9/v1", timeouts: {write_seconds: 2, total_seconds: 2}}
models:
  m: {targets: lab/a, timeouts: {total_seconds: 3}}
  n: lab/a
"""
    offered = an_offer(tmp_path, yaml)
    assert target(offered, "m").timeouts == Timeouts(connect=1, write=2, total=3)
    assert target(offered, "n").timeouts == Timeouts(connect=1, write=2, total=2)


def test_a_provider_may_speak_other_wires_besides(tmp_path: Path) -> None:
    """As the file says."""
    offered = an_offer(tmp_path, LAB.replace("wire: openai", "wire: openai, also: [responses]"))
    assert offered.instances["lab"].vendor.also == ("responses",)


def test_every_faulty_provider_is_told(tmp_path: Path) -> None:
    """All at once, and the start is refused."""
    with pytest.raises(VendorFaults) as caught:
        an_offer(tmp_path, "providers: {a: {vendor: openai}, b: {vendor: anthropic}}\n")
    assert [fault.partition(":")[0] for fault in caught.value.faults] == ["provider a", "provider b"]


def test_a_target_of_no_provider_is_told(tmp_path: Path) -> None:
    """A vendor that the file names but that has no key is named with the model that wants it."""
    with pytest.raises(VendorFaults) as caught:
        an_offer(tmp_path, "models: {m: openai/gpt-4o}\n")
    assert caught.value.faults == ("provider openai: is not configured, and openai/gpt-4o needs it",)


GROQ = {"GROQ_API_KEY": "gsk-real"}
OPENAI = {"OPENAI_API_KEY": "sk-real"}
LLM = {"LLM_BASE_URL": "http://127.0.0.1:9/v1", "LLM_MODEL": "m"}


@pytest.mark.parametrize(
    ("environment", "default"),
    [
        ({}, "tollbar-guide"),
        (GROQ, "groq/llama-3.3-70b-versatile"),
        (GROQ | OPENAI, "openai/gpt-4o-mini"),
        (GROQ | OPENAI | {"DEFAULT_MODEL": "gpt-4o"}, "gpt-4o"),
        (GROQ | OPENAI | {"DEFAULT_MODEL": "groq/x"}, "groq/x"),
        (GROQ | OPENAI | {"DEFAULT_MODEL": "gpt-4o"} | LLM, "llm/m"),
        ({"GEMINI_API_KEY": "g-real"}, "tollbar-guide"),
    ],
)
def test_the_default_model_is_the_first_of_the_usual_ones(
    tmp_path: Path, environment: dict[str, str], default: str
) -> None:
    """LLM_MODEL, DEFAULT_MODEL, OpenAI's, Groq's, the guide; and it can be called."""
    offered = an_offer(tmp_path, **environment)
    assert offered.catalogue.default_model == default
    assert isinstance(find(default, offered.catalogue), Model)


def test_the_default_model_stays_callable_in_a_closed_catalogue(tmp_path: Path) -> None:
    """It was named outright: one that the file does not declare is added, one that it does is that one."""
    yaml = f"{LAB}models: {{m: lab/a, nick: {{alias: m}}}}\n"
    offered = an_offer(tmp_path, f"{yaml}default_model: lab/b\nretries: {{attempts: 2}}\n")
    assert (target(offered, "lab/b").name, offered.catalogue.models["lab/b"].attempts) == ("lab/b", 2)
    bare = an_offer(tmp_path, yaml, DEFAULT_MODEL="gpt-4o", **OPENAI)
    assert target(bare, "gpt-4o").name == "openai/gpt-4o"
    named = an_offer(tmp_path, f"{yaml}default_model: nick\n").catalogue
    assert (named.default_model, sorted(named.models)) == ("nick", ["m", "tollbar-guide"])


def test_aliases_lead_to_the_end(tmp_path: Path) -> None:
    """Through other aliases, and to a model of a provider that the file does not list."""
    yaml = f"{LAB}models: {{m: lab/a, one: {{alias: two}}, two: {{alias: m}}, far: {{alias: lab/b}}}}\n"
    offered = an_offer(tmp_path, yaml)
    assert [target(offered, name).name for name in ("one", "two", "far")] == ["lab/a", "lab/a", "lab/b"]
    assert [model.name for model in offered.listed] == ["tollbar-guide", "m", "lab/b"]


def test_a_default_model_that_nobody_has_is_told(tmp_path: Path) -> None:
    """With a list of models it cannot be anything else than a mistake."""
    with pytest.raises(VendorFaults) as caught:
        an_offer(tmp_path, f"{LAB}models: {{m: lab/a}}\n", DEFAULT_MODEL="gpt-4o")
    assert caught.value.faults == (
        "The model 'gpt-4o' is not configured here. It is a default model, or an alias leads to it.",
    )


def test_a_file_with_models_says_itself_which_is_the_default(tmp_path: Path) -> None:
    """A vendor's key in the environment opens no model that the file does not declare; without a word, the guide."""
    offered = an_offer(tmp_path, f"{LAB}models: {{m: lab/a}}\n", **OPENAI)
    assert offered.catalogue.default_model == "tollbar-guide"
