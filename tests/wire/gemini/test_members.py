"""Members are found under either spelling, and what is wrong with one is told by its path."""

from collections.abc import Callable

import pytest

from tollbar.domain.errors import InvalidType, InvalidValue
from tollbar.wire.gemini.members import Members, camel


def test_both_spellings_are_one_name() -> None:
    """And both at once are refused."""
    assert [camel(name) for name in ("generation_config", "generationConfig", "top_p")] == [
        *("generationConfig", "generationConfig", "topP")
    ]
    members = Members(b'{"top_p": 0.5, "nothing": null}')
    assert (members.number("topP"), "nothing" in members, list(members)) == (0.5, False, ["topP"])
    with pytest.raises(InvalidValue, match=r"config\.topP"):
        Members(b'{"top_p": 1, "topP": 1}', "config")


def test_values_of_each_kind() -> None:
    """Read as what they are."""
    members = Members(b'{"a": "x\\ud800", "n": 64.0, "f": true, "o": {"b": 1}, "l": ["y"], "r": [{"c": 2}], "s": {}}')
    assert members.text("a") == "x\ufffd"
    assert members.whole("n") == 64
    assert members.flag("f") is True
    assert members.texts("l") == ("y",)
    assert [one.path for one in members.objects("r")] == ["r[0]"]
    assert [one.path for one in members.objects("s")] == ["s"]
    inner = members.object("o")
    assert inner is not None
    assert (inner.at("b"), inner.raw("b")) == ("o.b", "1")
    assert members.text("z") is members.number("z") is members.flag("z") is members.object("z") is members.raw("z")
    assert members.texts("z") == ()


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("5", Members.text),
        ('"5"', Members.number),
        ("1.5", Members.whole),
        ("1", Members.flag),
        ("[]", Members.object),
        ("5", Members.objects),
        ("[1]", Members.objects),
        ("5", Members.texts),
        ("[1]", Members.texts),
    ],
)
def test_what_is_of_another_kind_is_refused_by_its_path(value: str, read: Callable[[Members, str], object]) -> None:
    """Wherever it stands."""
    with pytest.raises(InvalidType) as fault:
        read(Members(f'{{"x": {value}}}'.encode(), "a"), "x")
    assert (fault.value.field or "").startswith("a.x")


def test_what_is_no_object_is_refused() -> None:
    """By the path, where there is one."""
    with pytest.raises(InvalidType, match="object"):
        Members(b"[]", "a")
