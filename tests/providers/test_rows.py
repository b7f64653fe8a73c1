"""What a row of the vendor table may hold."""

from datetime import date

import pytest

from tollbar.providers.rows import family_faults, row_faults

GOOD = {"wire": "openai", "base_url": "https://api.vendor.example/v1", "key_env": ["VENDOR_API_KEY"]}


def test_a_good_row_has_no_faults() -> None:
    """The keys that matter are enough, and all others together are right too."""
    full = {
        **GOOD,
        "base_url": "https://{region}.vendor.example/v1",
        "auth": "api-key",
        "placeholders": {"region": ["VENDOR_REGION"]},
        "supports": ["tools"],
        "quirks": ["no_stream_usage"],
        "families": ["vend-"],
        "default_model": "vend-1",
        "price_id": "vendor",
        "local": False,
        "documented": date(2026, 11, 20),
        "checked": date(2026, 11, 20),
    }
    assert (row_faults("vendor", GOOD), row_faults("my-vendor_2", full)) == ([], [])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"wire": "smoke"}, "wire"),
        ({"base_url": "vendor.example"}, "base_url"),
        ({"base_url": "https://vendor.example/v1/"}, "base_url"),
        ({"base_url": 5}, "base_url"),
        ({"base_url": "http://169.254.169.254/v1"}, "base_url"),
        ({"base_url": "https://{region}.vendor.example"}, "{region}"),
        ({"placeholders": {"region": ["VENDOR_REGION"]}}, "{region}"),
        ({"placeholders": {"region": "VENDOR_REGION"}}, "placeholders"),
        ({"placeholders": ["region"]}, "placeholders"),
        ({"key_env": "VENDOR_API_KEY"}, "key_env"),
        ({"key_env": ["vendor key"]}, "key_env"),
        ({"key_env": []}, "key_env"),
        ({"auth": "magic"}, "auth"),
        ({"auth": ["bearer"]}, "auth"),
        ({"auth": "aws"}, "bedrock"),
        ({"supports": ["flying"]}, "flying"),
        ({"supports": "tools"}, "supports"),
        ({"quirks": ["odd"]}, "odd"),
        ({"families": ["*"]}, "families"),
        ({"also": ["telepathy"]}, "also"),
        ({"default_model": "two words"}, "default_model"),
        ({"price_id": ""}, "price_id"),
        ({"local": "yes"}, "local"),
        ({"documented": "2026-11-20"}, "documented"),
        ({"baseurl": "x"}, "base_url is"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_fault_names_its_key(change: dict[str, object], word: str) -> None:
    """Each kind of fault is found, once, and says where it is."""
    faults = row_faults("vendor", {**GOOD, **change})
    assert len(faults) == 1
    assert word in faults[0]


def test_all_faults_are_found_at_once() -> None:
    """A row with several faults is not mended one by one."""
    assert len(row_faults("Not A Name", {"wire": "smoke", "auth": "magic", "colour": 1})) == 5


def test_a_row_without_a_key_says_so_itself() -> None:
    """Only a local server, or one that asks for none, may leave out where its key is."""
    keyless = {name: value for name, value in GOOD.items() if name != "key_env"}
    assert len(row_faults("vendor", keyless)) == 1
    assert row_faults("vendor", {**keyless, "auth": "none"}) == []
    assert row_faults("vendor", {**keyless, "local": True}) == []


def test_families_belong_to_one_vendor() -> None:
    """A model name must not be two vendors'; one vendor may say the same twice."""
    assert family_faults([("gpt-", "a"), ("gpt-4", "b")]) == ["vendor b: family 'gpt-4' overlaps 'gpt-' of a"]
    assert family_faults([("gpt-", "a"), ("gpt-4", "a"), ("grok-", "b")]) == []
