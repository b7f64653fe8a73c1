"""Each source file has its own test file, where one expects it: src/tollbar/x/y.py has tests/x/test_y.py."""

from collections.abc import Set as AbstractSet

from tests.rules.source import ROOT, modules, refuse

# Protocols alone: tests/contracts holds each implementation to them.
PORTS = "ports"


def expected_test(place: str) -> str | None:
    """Name the test file of a source file; None where it needs none (a package's door, a migration, the ports)."""
    folder, _, file = place.rpartition("/")
    if folder == PORTS or file == "__init__.py" or "migrations" in folder.split("/"):
        return None
    name = f"test_{file.removesuffix('.py').strip('_')}.py"
    return f"{folder}/{name}" if folder else name


def missing_tests(places: list[str], tests: AbstractSet[str]) -> list[str]:
    """Name each source file without its test file."""
    return [
        f"src/tollbar/{place} wants tests/{wanted}"
        for place in places
        if (wanted := expected_test(place)) and wanted not in tests
    ]


def test_each_source_file_has_its_test_file() -> None:
    """The tests mirror the package, file for file."""
    tests = {path.relative_to(ROOT / "tests").as_posix() for path in (ROOT / "tests").rglob("test_*.py")}
    refuse(missing_tests([module.place for module in modules()], tests))


def test_a_missing_test_file_is_found() -> None:
    """A source file without a test is named; the package's doors and the migrations are let off."""
    places = [
        "app.py",
        "ports/clock.py",
        "wire/__init__.py",
        "wire/sse.py",
        "cli/__main__.py",
        "storage/migrations/versions/0001.py",
    ]
    assert missing_tests(places, {"wire/test_sse.py"}) == [
        "src/tollbar/app.py wants tests/test_app.py",
        "src/tollbar/cli/__main__.py wants tests/cli/test_main.py",
    ]
