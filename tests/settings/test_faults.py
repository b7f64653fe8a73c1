"""Faults as sentences, and names that come near."""

from tollbar.settings.faults import Fault, SettingsError, nearest, suggest


def test_a_fault_reads_as_place_key_wrong_and_remedy() -> None:
    """A fault is one line, with full stops where they belong."""
    fault = Fault("tollbar.yaml, line 3", "server.port", "is 'x'.", "Write a number.")
    assert str(fault) == "tollbar.yaml, line 3: server.port is 'x'. Write a number."
    assert str(Fault(".env, line 1", "", "is no assignment")) == ".env, line 1: is no assignment."


def test_the_error_tells_every_fault() -> None:
    """The error's text holds one line for each fault."""
    error = SettingsError([Fault("a", "b", "c"), Fault("d", "e", "f")])
    assert str(error) == "a: b c.\nd: e f."


def test_the_nearest_name_ignores_case() -> None:
    """A name in another case, or with a typo, finds the one that is meant; a stranger finds none."""
    valid = ["OPENAI_API_KEY", "x_api_key", "PORT"]
    assert [nearest(name, valid) for name in ("X_API_KEY", "OPENAI_API_KYE", "zzz")] == [
        "x_api_key",
        "OPENAI_API_KEY",
        None,
    ]


def test_without_a_near_name_the_valid_ones_are_listed() -> None:
    """A few valid names are listed, many are not, and none says nothing."""
    assert suggest("zzz", ["b", "a"]) == "Known here: a, b."
    assert suggest("zzz", [f"name{number}" for number in range(20)]) == ""
    assert suggest("zzz", []) == ""
