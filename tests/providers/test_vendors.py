"""The vendors by name: the package's rows, the operator's, and what an environment makes of them."""

import re
from datetime import date

import pytest
from genai_prices.data import providers as price_table

from tollbar.providers.aws import FOUND
from tollbar.providers.destinations import is_this_machine
from tollbar.providers.prices import find
from tollbar.providers.vendors import Found, VendorFaults, configure, custom, find_configured, load, parse, speaking

VENDORS = load()
# The names that people know; providers that are gone are not among them.
KNOWN = {
    *(
        "openai",
        "anthropic",
        "gemini",
        "azure",
        "bedrock",
        "vertex",
        "openrouter",
        "groq",
        "mistral",
        "deepseek",
        "xai",
    ),
    *("together", "fireworks", "cohere", "perplexity", "cerebras", "sambanova", "nvidia", "huggingface", "databricks"),
    *("cloudflare", "moonshot", "zai", "dashscope", "minimax", "deepinfra", "novita", "vercel", "baseten", "wandb"),
    *("nebius", "meta", "ollama", "vllm", "llamacpp", "lmstudio", "sglang", "localai", "llamafile", "xinference"),
    *("textgen", "docker", "tgi"),
}


def test_every_known_vendor_has_its_row() -> None:
    """No vendor that people look for is missing."""
    assert KNOWN - VENDORS.keys() == set()


def test_the_rows_are_honest_about_what_was_tried() -> None:
    """Every row says when it was compared with documentation; none claims a call that nobody made."""
    assert all(vendor.documented and vendor.documented >= date(2026, 11, 20) for vendor in VENDORS.values())
    assert all(vendor.checked is None for vendor in VENDORS.values())


def test_every_price_id_is_in_the_price_table() -> None:
    """A price id that the table does not have would make a vendor's models unpriced in silence."""
    assert {vendor.price_id for vendor in VENDORS.values()} - {""} <= {provider.id for provider in price_table}


def test_only_local_rows_are_on_this_machine() -> None:
    """A local row is at a port of this machine, and no other row is."""
    local = {name for name, vendor in VENDORS.items() if vendor.is_local}
    assert {name for name, vendor in VENDORS.items() if is_this_machine(vendor.base_url)} == local


def test_other_hosts_are_reached_over_tls() -> None:
    """No key crosses a network in the clear."""
    assert all(vendor.is_local or not vendor.base_url.startswith("http:") for vendor in VENDORS.values())


@pytest.mark.parametrize(
    ("model", "owner"),
    [
        ("gpt-4o-mini", "openai"),
        ("o3-pro", "openai"),
        ("chatgpt-4o-latest", "openai"),
        ("claude-sonnet-4-5", "anthropic"),
        ("gemini-2.5-pro", "gemini"),
        ("mistral-large-latest", "mistral"),
        ("open-mixtral-8x7b", "mistral"),
        ("deepseek-chat", "deepseek"),
        ("grok-4", "xai"),
        ("kimi-k2", "moonshot"),
    ],
)
def test_bare_model_names_have_one_owner(model: str, owner: str) -> None:
    """The families find the maker of a well-known model, and only it."""
    assert [name for name, vendor in VENDORS.items() if model.startswith(vendor.families or ("\0",))] == [owner]


def test_the_defaults_are_models_with_a_price() -> None:
    """The model that serves by default can be paid for."""
    assert {name: vendor.default_model for name, vendor in VENDORS.items() if vendor.default_model} == {
        "openai": "gpt-4o-mini",
        "groq": "llama-3.3-70b-versatile",
    }


@pytest.mark.parametrize("model", ["eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-lite-v1:0"])
def test_models_of_bedrock_have_prices_by_their_ids(model: str) -> None:
    """Also where an inference profile leads to them."""
    assert find(VENDORS["bedrock"].price_id, model, date(2026, 11, 29)).card is not None


def test_an_operator_changes_single_keys() -> None:
    """A row of the operator's with a known name keeps what it does not mention."""
    changed = load({"openai": {"base_url": "https://eu.api.openai.com/v1"}})["openai"]
    assert (changed.base_url, changed.key_env) == ("https://eu.api.openai.com/v1", ("OPENAI_API_KEY",))


def test_an_operator_adds_vendors() -> None:
    """A row with a new name is another vendor, under the same checks."""
    row = {"wire": "openai", "base_url": "https://api.house.example/v1", "key_env": ["HOUSE_KEY"]}
    assert load({"house": row})["house"].base_url == row["base_url"]


def test_all_faults_of_all_rows_come_at_once() -> None:
    """Faults of several rows are told together, each with the vendor's name."""
    with pytest.raises(VendorFaults) as caught:
        load({"openai": {"auth": "magic"}, "house": {"wire": "openai"}})
    assert [re.split(r"[ :]+", fault)[1] for fault in caught.value.faults] == ["openai", "house"]


def test_overlapping_families_are_refused() -> None:
    """An operator's family cannot take over another vendor's models unnoticed."""
    row = {"wire": "openai", "base_url": "https://a.example/v1", "auth": "none", "families": ["gpt-4"]}
    with pytest.raises(VendorFaults, match="overlaps"):
        load({"house": row})


def test_the_first_key_found_wins() -> None:
    """Of several environment names, the row's order decides."""
    both = {"GEMINI_API_KEY": "one", "GOOGLE_API_KEY": "two"}
    assert configure("g", VENDORS["gemini"], both).api_key == "one"
    assert configure("g", VENDORS["gemini"], {"GOOGLE_API_KEY": "two"}).credential == "GOOGLE_API_KEY"


def test_a_key_that_was_set_goes_before_the_environment() -> None:
    """What the configuration says wins, and messages name the setting."""
    instance = configure(
        "main", VENDORS["openai"], {"OPENAI_API_KEY": "x"}, api_key="y", setting="providers.main.api_key"
    )
    assert (instance.api_key, instance.credential) == ("y", "providers.main.api_key")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openai", {"Authorization": "Bearer k"}),
        ("azure", {"api-key": "k"}),
        ("ollama", {}),
        ("vllm", {"Authorization": "Bearer k"}),
    ],
)
def test_the_key_goes_where_the_vendor_wants_it(name: str, expected: dict[str, str]) -> None:
    """Bearer by default, a header of its own, or nothing."""
    environment = {"AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com/"}
    assert configure(name, VENDORS[name], environment, api_key="k").headers == expected


@pytest.mark.parametrize(
    ("name", "environment", "expected"),
    [
        ("azure", {"AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com/"}, "https://x.openai.azure.com/openai/v1"),
        ("azure", {"AZURE_API_BASE": "x.openai.azure.com"}, "https://x.openai.azure.com/openai/v1"),
        ("bedrock", {"AWS_REGION": "eu-west-1"}, "https://bedrock-runtime.eu-west-1.amazonaws.com"),
        ("bedrock-openai", {"AWS_REGION": "eu-west-1"}, "https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1"),
        (
            "databricks",
            {"DATABRICKS_HOST": "https://dbc.cloud.databricks.com"},
            "https://dbc.cloud.databricks.com/serving-endpoints",
        ),
        ("cloudflare", {"CLOUDFLARE_ACCOUNT_ID": "abc"}, "https://api.cloudflare.com/client/v4/accounts/abc/ai/v1"),
    ],
)
def test_addresses_are_filled_in(name: str, environment: dict[str, str], expected: str) -> None:
    """The parts of an address that are the customer's own come from the environment."""
    assert configure(name, VENDORS[name], environment, api_key="k").base_url == expected


@pytest.mark.parametrize(
    ("name", "environment", "word"),
    [
        ("openai", {}, "OPENAI_API_KEY"),
        ("openai", {"OPENAI_API_KEY": ""}, "OPENAI_API_KEY"),
        ("openai", {"OPENAI_API_KEY": "a b"}, "blanks"),
        ("openai", {"OPENAI_API_KEY": "a\r\nx: y"}, "blanks"),
        ("gemini", {}, "GEMINI_API_KEY or GOOGLE_API_KEY"),
        ("cloudflare", {"CLOUDFLARE_API_TOKEN": "k"}, "CLOUDFLARE_ACCOUNT_ID"),
        ("bedrock", {"AWS_BEARER_TOKEN_BEDROCK": "k", "AWS_REGION": "evil.example/"}, "AWS_REGION"),
        ("azure", {"AZURE_API_KEY": "k", "AZURE_API_BASE": "http://169.254.169.254"}, "link-local"),
        ("bedrock", {"AWS_ACCESS_KEY_ID": "AKID", "AWS_REGION": "eu-west-1"}, "has no AWS_SECRET_ACCESS_KEY"),
        ("bedrock", {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s"}, "has no region: set AWS_REGION"),
    ],
)
def test_what_is_missing_or_wrong_is_named_without_the_key(name: str, environment: dict[str, str], word: str) -> None:
    """A vendor that cannot be configured says what to set."""
    with pytest.raises(VendorFaults, match=re.escape(word)) as caught:
        configure("main", VENDORS[name], environment)
    assert "x: y" not in str(caught.value)


def test_a_servers_own_address_needs_no_row() -> None:
    """Any server that speaks a wire can be a provider, with a key or without."""
    lab = custom("lab", "openai")
    assert configure("lab", lab, {}, base_url="http://10.0.0.7:8000/v1/").base_url == "http://10.0.0.7:8000/v1"
    assert configure("lab", lab, {}, api_key="k", base_url="http://lab/v1").headers == {"Authorization": "Bearer k"}


@pytest.mark.parametrize(
    ("wire", "base_url"), [("smoke", "http://lab/v1"), ("openai", ""), ("openai", "lab"), ("completions", "http://lab")]
)
def test_a_server_that_cannot_be_used_is_refused(wire: str, base_url: str) -> None:
    """An unknown wire, one that is never a server's only one, no address, or one that is none."""
    with pytest.raises(VendorFaults):
        configure("lab", custom("lab", wire), {}, base_url=base_url)


def test_the_environment_configures_the_vendors_whose_keys_it_holds() -> None:
    """Keys under their usual names make providers; what cannot be used says why; local servers are found otherwise."""
    environment = {"OPENAI_API_KEY": "a", "GROQ_API_KEY": "b", "ANTHROPIC_API_KEY": "c", "CLOUDFLARE_API_TOKEN": "d"}
    found = find_configured(VENDORS, {**environment, "VLLM_API_KEY": "e", "HF_TOKEN": ""})
    assert [instance.name for instance in found.instances] == ["openai", "anthropic", "groq"]
    assert set(found.unusable) == {"cloudflare"}


@pytest.mark.parametrize(
    ("environment", "key", "credential", "region"),
    [
        ({"AWS_BEARER_TOKEN_BEDROCK": "ABSK"}, "ABSK", "AWS_BEARER_TOKEN_BEDROCK", ""),
        ({}, "AKID:hush", "AWS_ACCESS_KEY_ID", "eu-west-1"),
        ({"AWS_SESSION_TOKEN": "t"}, "AKID:hush:t", "AWS_ACCESS_KEY_ID", "eu-west-1"),
    ],
)
def test_a_key_of_amazons_is_one_of_bedrocks_own_or_one_that_signs(
    environment: dict[str, str], key: str, credential: str, region: str
) -> None:
    """Which is found under several names, and is one word; the other row of the same key is for those who name it."""
    usual = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_DEFAULT_REGION": "eu-west-1"}
    (found,) = find_configured(VENDORS, {**usual, **environment}).instances
    assert (found.name, found.api_key, found.credential, found.region) == ("bedrock", key, credential, region)
    assert found.headers == ({"Authorization": "Bearer ABSK"} if key == "ABSK" else {})


def test_a_key_that_signs_does_so_for_the_region_of_the_address() -> None:
    """Else for that of the environment; without either it cannot."""
    lab, key = custom("lab", "bedrock"), "AKID:hush"
    private = "https://vpce-0a-b.bedrock-runtime.us-gov-west-1.vpce.amazonaws.com"
    assert configure("lab", lab, {"AWS_REGION": "eu-west-1"}, key, private).region == "us-gov-west-1"
    assert configure("lab", lab, {"AWS_REGION": "eu-west-1"}, key, "http://proxy:8080").region == "eu-west-1"
    with pytest.raises(VendorFaults, match="has no region"):
        configure("lab", lab, {}, key, "http://proxy:8080")


def test_bedrock_finds_a_key_where_it_is_declared_without_one() -> None:
    """Never by surprise: a profile or a region in the environment makes no provider, and no other row looks."""
    environment = {"AWS_REGION": "eu-west-1", "AWS_PROFILE": "work"}
    assert find_configured(VENDORS, environment) == Found((), {})
    made = configure("main", VENDORS["bedrock"], environment, setting="providers.main.api_key")
    assert (made.finds_key, made.region, made.credential, made.headers) == (True, "eu-west-1", FOUND, {})
    assert not configure("main", VENDORS["bedrock"], environment, "ABSK").finds_key
    assert not configure("lab", custom("lab", "bedrock"), {}, base_url="http://proxy:8080").finds_key
    with pytest.raises(VendorFaults, match="AWS_BEARER_TOKEN_BEDROCK"):
        configure("main", VENDORS["bedrock-openai"], environment)
    with pytest.raises(VendorFaults, match="has no region"):
        configure("main", VENDORS["bedrock"], {}, base_url="http://proxy:8080")


def test_no_key_shows_when_an_instance_is_printed() -> None:
    """An instance in a log line or a traceback tells no secret."""
    assert "hush" not in repr(configure("main", VENDORS["openai"], {"OPENAI_API_KEY": "hush"}))


def test_an_empty_table_is_a_table() -> None:
    """No rows, no vendors, no faults."""
    assert dict(parse({})) == {}


def test_other_wires_are_a_vendors_own_unless_something_is_said() -> None:
    """Some, none, or such as nobody knows."""
    vendor = load()["openai"]
    assert vendor.also == ("responses", "files")
    assert speaking("x", vendor, None) is vendor
    assert speaking("x", vendor, []).also == ()
    assert speaking("x", vendor, ["completions"]).also == ("completions",)
    with pytest.raises(VendorFaults, match="telepathy"):
        speaking("x", vendor, ["telepathy"])
