"""Reading YAML and .env files: values with their places, and everything that is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.settings.sources import Document, Named, dotted, read_document, read_env_file, read_environment

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file and gives its path."""

    def writing(text: str) -> Path:
        path = tmp_path / "file"
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        return path

    return writing


def read(path: Path, **names: str) -> Document:
    """A document read with these names set."""
    return read_document(path, {name: Named(text, "environment") for name, text in names.items()})


def told(document: Document) -> list[str]:
    """The faults of a document, without the path."""
    return [str(fault).replace(str(document.path), "FILE") for fault in document.faults]


def test_values_have_their_lines(write: Write) -> None:
    """Each key is known by its line, however deep."""
    document = read(write("a: 1\nb:\n  c: [x, {d: 2}]\n"))
    assert document.values == {"a": 1, "b": {"c": ("x", {"d": 2})}}
    assert document.lines == {("a",): 1, ("b",): 2, ("b", "c"): 3, ("b", "c", "1", "d"): 3}
    assert document.place(("b", "c", "0")).endswith("file, line 3")
    assert document.place(("z",)).endswith("file")


def test_keys_are_taken_as_they_are_written(write: Write) -> None:
    """A key that YAML would read as a number or a truth stays text."""
    assert read(write("on: 1\n4: 2\n1.50: 3\n2020-01-01: 4\n")).values == {"on": 1, "4": 2, "1.50": 3, "2020-01-01": 4}


def test_a_key_given_twice_is_a_fault(write: Write) -> None:
    """The second of two equal keys is named, with the line of the first."""
    assert told(read(write("a: 1\nb:\n  c: 1\n  c: 2\n"))) == [
        "FILE, line 4: b.c is given twice (first in line 3). Keep one of them."
    ]


def test_anchors_and_merges_work(write: Write) -> None:
    """A merged block is carried out, and its keys may be overridden without being called double."""
    document = read(write("base: &base {x: 1, y: 2}\nother: {<<: *base, y: 3}\n"))
    assert (document.values["other"], document.faults) == ({"x": 1, "y": 3}, [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1\n", "FILE, line 2, column 1: is not YAML"),
        ("a: b: c\n", "FILE, line 1, column 5: is not YAML"),
        ("- 1\n", "FILE: is no block of keys"),
        ("a: 1\n---\nb: 2\n", "FILE, line 2, column 1: is not YAML"),
        ("a: !!python/object:os.system x\n", "FILE, line 1, column 4: is not YAML"),
        ("a: \udcff\n", "FILE: is not YAML text"),
        ("a: &a [*a]\n", "FILE: is not YAML text: it holds too many values, or they are nested too deeply"),
        ("[1, 2]: 3\n", "FILE, line 1: has a key that is no plain text"),
    ],
)
def test_what_is_no_settings_file_is_told_with_its_place(write: Write, text: str, said: str) -> None:
    """Text that is not YAML, or not a block of keys, is one fault and no exception."""
    (fault,) = told(read(write(text)))
    assert fault.startswith(said)


def test_a_short_file_of_aliases_cannot_stand_for_an_endless_one(write: Write) -> None:
    """Aliases that multiply are stopped."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "too many values" in told(read(write("\n".join(lines))))[0]


def test_an_empty_file_holds_nothing(write: Write) -> None:
    """A file of comments alone is fine."""
    document = read(write("# nothing\n"))
    assert (document.values, document.faults) == ({}, [])


def test_a_date_that_does_not_exist_is_text(write: Write) -> None:
    """A value that only looks like a date stays what was written."""
    assert read(write("a: 2026-02-30\n")).values == {"a": "2026-02-30"}


def test_references_are_replaced(write: Write) -> None:
    """`${NAME}` stands for the variable, alone or within text, and the document knows which were used."""
    document = read(write('a: "${KEY}"\nb: "http://${HOST}:${PORT}/v1"\n'), KEY="k", HOST="h", PORT="1")
    assert document.values == {"a": "k", "b": "http://h:1/v1"}
    assert (document.references, document.referring) == ({"KEY", "HOST", "PORT"}, {("a",), ("b",)})


def test_a_replaced_value_is_not_read_again(write: Write) -> None:
    """What a variable holds is text, even if it looks like a reference or like YAML."""
    assert read(write('a: "${KEY}"\n'), KEY="${OTHER}: [1]").values == {"a": "${OTHER}: [1]"}


def test_references_that_lead_nowhere_are_faults(write: Write) -> None:
    """A variable that is not set, one that is empty, and what is no name are told, with the nearest name."""
    document = read(write('a: "${OPENAI_KYE}"\nb: "${EMPTY}"\nc: "${not a name}"\n'), OPENAI_KEY="x", EMPTY="")
    remedy = "Set OPENAI_KYE in the environment or in .env, or did you mean OPENAI_KEY?"
    assert told(document) == [
        f"FILE, line 1: a refers to ${{OPENAI_KYE}}, which is not set. {remedy}",
        "FILE, line 2: b refers to ${EMPTY}, which is empty. Set EMPTY in the environment or in .env.",
        "FILE, line 3: c refers to ${not a name}, which is no name. Write ${NAME}.",
    ]


@given(st.text())
def test_any_text_is_read_without_an_exception(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever a settings file holds, the outcome is values and faults."""
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert isinstance(read(path).values, dict)


def test_an_env_file_is_read_with_its_lines(write: Write) -> None:
    """Comments, quotes, `export` and empty values are understood as shells and container tools do."""
    names, faults = read_env_file(write("# c\n\nA=1\nexport B=\"two words\"\nC='x # y'\nD= # none\nE\n"))
    assert {name: named.text for name, named in names.items()} == {
        "A": "1",
        "B": "two words",
        "C": "x # y",
        "D": "",
        "E": "",
    }
    assert [named.place.rpartition(" ")[2] for named in names.values()] == ["3", "4", "5", "6", "7"]
    assert faults == []


def test_lines_that_are_no_assignments_are_faults(write: Write) -> None:
    """A line that cannot be read is told with its number, and the rest is read."""
    names, faults = read_env_file(write('A=1\n\n  =oops\nB="never closed\n'))
    assert (list(names), [fault.place.rpartition(" ")[2] for fault in faults]) == (["A"], ["3", "4"])


def test_a_missing_env_file_holds_nothing_and_an_unreadable_one_is_told(tmp_path: Path) -> None:
    """No file is no fault; a directory or bytes in its place are."""
    assert read_env_file(tmp_path / "none") == ({}, [])
    (tmp_path / "bytes").write_bytes(b"\xff\xfe=1")
    assert [read_env_file(path)[1][0].wrong.partition(":")[0] for path in (tmp_path, tmp_path / "bytes")] == [
        "cannot be read",
        "cannot be read",
    ]


def test_locations_are_written_with_dots_and_brackets() -> None:
    """Places in lists stand in brackets; a name of digits at the top stays a name."""
    assert [dotted(place) for place in (("a", "b"), ("a", "0", "c"), ("4",))] == ["a.b", "a[0].c", "4"]


def test_the_environment_is_a_copy() -> None:
    """Changing what was read changes nothing of the process."""
    environment = dict(read_environment())
    assert "PATH" in environment
