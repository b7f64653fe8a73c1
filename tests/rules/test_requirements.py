"""What is installed is locked by hash, free to use, recent enough, small in number and explained."""

import re
import sys
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.rules.source import ROOT, imports, modules, refuse

LOCKS = ("run.txt", "scale.txt", "build.txt", "dev.txt", "load.txt", "profile.txt", "transformers.txt", "torch.txt")
# Where the later ones are installed, once they were used.
GROUPS = [str(path) for path in Path(sys.prefix, "groups").glob("*")]
MOST_DIRECT_DEPENDENCIES = 25
# Below these, a request can be smuggled past the gateway or a host header can fool it.
LOWEST = {"starlette": "1.0.1", "h11": "0.16.0"}
# What uvicorn, Alembic and the client of Redis find by themselves, and what only the engines' own processes load.
USED_BY_OTHERS = {"greenlet", "hiredis", "httptools", "torch", "transformers", "uvloop", "xllamacpp"}
# Licences that ask for no more than their own text to be kept. MPL-2.0 binds changes to its own files only.
PERMISSIVE = {
    "0bsd", "apache-2.0", "bsd", "bsd-2-clause", "bsd-3-clause", "bsl-1.0", "cc0-1.0", "cnri-python", "isc",
    "llvm-exception", "mit", "mit-0", "mpl-2.0", "psf-2.0", "python-2.0", "unlicense", "zlib", "zpl-2.1",
}  # fmt: skip
# How packages without an SPDX expression spell theirs.
SPELLINGS = {
    "apache 2.0": "apache-2.0",
    "apache 2.0 license": "apache-2.0",
    "apache software license": "apache-2.0",
    "bsd license": "bsd",
    "isc license (iscl)": "isc",
    "mit license": "mit",
    "mpl-2.0 and mit": "mpl-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "mpl-2.0",
    "python software foundation license": "psf-2.0",
}
# Packages that name none, read from the licence file that they carry.
READ_FROM_FILE = {"pyreqwest": "apache-2.0"}


@cache
def pyproject() -> dict[str, Any]:
    """The project's description."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def direct_dependencies() -> list[Requirement]:
    """What the package itself asks for."""
    return [Requirement(line) for line in pyproject()["project"]["dependencies"]]


def development_dependencies() -> list[Requirement]:
    """What building, checking, testing and measuring it asks for."""
    return [Requirement(line) for group in pyproject()["dependency-groups"].values() for line in group]


def extra_dependencies() -> list[Requirement]:
    """What the extras ask for."""
    return [Requirement(line) for extra in pyproject()["project"]["optional-dependencies"].values() for line in extra]


def read_lock(name: str) -> str:
    """The text of a lock file."""
    return (ROOT / "requirements" / name).read_text(encoding="utf-8")


def locked_versions(text: str) -> dict[str, list[Version]]:
    """The versions that a lock file pins, by package; several where they differ between platforms."""
    found: dict[str, list[Version]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", text, re.MULTILINE):
        found.setdefault(canonicalize_name(name), []).append(Version(version))
    return found


def lock_faults(text: str) -> list[str]:
    """Name each requirement without a pin or hash, and each address."""
    faults = [f"an address or option: {line}" for line in text.splitlines() if re.search(r"://|^\s*-[^-]|^--", line)]
    statements = [re.sub(r"^\s*#.*$", "", part, flags=re.MULTILINE) for part in re.split(r"\n(?=\S)", text)]
    for statement in filter(None, (part.strip() for part in statements)):
        if "--hash=sha256:" not in statement:
            faults.append(f"no hash: {statement.splitlines()[0]}")
        if "==" not in statement.splitlines()[0]:
            faults.append(f"no pin: {statement.splitlines()[0]}")
    return faults


def licences(name: str) -> set[str]:
    """The licences that an installed package names, in lower case; all of one that offers a choice."""
    found = next(iter(distributions(name=name, path=[*sys.path, *GROUPS])), None)
    if found is None:
        raise PackageNotFoundError(name)
    about = found.metadata.json
    if expression := about.get("license_expression"):
        return {part.lower() for part in re.split(r"\s+(?:AND|OR|WITH)\s+|[()\s]+", str(expression)) if part}
    approved = "License :: OSI Approved :: "
    classified = [line.removeprefix(approved) for line in about.get("classifier", []) if line.startswith(approved)]
    named = classified or [str(about.get("license") or READ_FROM_FILE.get(name, "none named"))]
    first_lines = (licence.lower().partition("\n")[0] for licence in named)  # some put the whole text there
    return {SPELLINGS.get(licence, licence) for licence in first_lines}


@pytest.mark.parametrize("name", LOCKS)
def test_everything_is_locked_by_hash_and_from_no_address(name: str) -> None:
    """Every requirement has its version and hashes, and no file says where to fetch it."""
    assert lock_faults(read_lock(name)) == []


def test_a_loose_requirement_is_found() -> None:
    """A missing hash, a missing pin and an address are each named."""
    pinned = "a==1 \\\n    --hash=sha256:00\n    # via b\n"
    assert lock_faults(pinned) == []
    assert lock_faults(f"{pinned}b==2\n") == ["no hash: b==2"]
    assert lock_faults(f"{pinned}c>=2 \\\n    --hash=sha256:00\n") == ["no pin: c>=2 \\"]
    assert len(lock_faults(f"--index-url https://packages.example/simple\n{pinned}")) > 0
    assert len(lock_faults("d @ https://packages.example/d.whl \\\n    --hash=sha256:00\n")) > 0


def test_the_lock_satisfies_the_project() -> None:
    """Each direct dependency is locked at a version that the project accepts."""
    locked = locked_versions(read_lock("run.txt"))
    unmet = [
        str(wanted)
        for wanted in direct_dependencies()
        if not any(wanted.specifier.contains(version) for version in locked.get(canonicalize_name(wanted.name), []))
    ]
    assert unmet == []


def test_the_locks_agree() -> None:
    """A package has the same versions wherever it is locked: what is tested is what is served."""
    tested = locked_versions(read_lock("dev.txt"))
    other = {
        name: versions
        for lock in LOCKS
        if lock != "dev.txt"
        for name, versions in locked_versions(read_lock(lock)).items()
    }
    assert {name: tested[name] for name in other if name in tested} == {
        name: versions for name, versions in other.items() if name in tested
    }


def test_versions_with_known_holes_are_not_locked() -> None:
    """Nothing below the lowest safe version is locked, in any file."""
    below = [
        f"{lock}: {name} {version}"
        for lock in LOCKS
        for name, lowest in LOWEST.items()
        for version in locked_versions(read_lock(lock)).get(name, [])
        if version < Version(lowest)
    ]
    assert below == []


def test_licences_are_permissive() -> None:
    """Every installed package, tools included, has a licence that leaves its users free."""
    faults = {}
    for name in sorted({name for lock in LOCKS for name in locked_versions(read_lock(lock))}):
        try:
            strict = licences(name) - PERMISSIVE
        except PackageNotFoundError:
            continue  # for another platform, or another Python
        if strict:
            faults[name] = strict
    assert faults == {}


def test_direct_dependencies_are_few() -> None:
    """The package asks for a small number of others."""
    assert len(direct_dependencies()) <= MOST_DIRECT_DEPENDENCIES


def test_what_is_imported_is_asked_for_and_the_other_way_round() -> None:
    """The source imports nothing that comes only by way of another package; nothing is asked for and never imported."""
    providers = packages_distributions()
    imported = {found.name.partition(".")[0] for module in modules() for found in imports(module)}
    used = {canonicalize_name(name) for library in imported for name in providers.get(library, ())} - {"tollbar"}
    wanted = {dependency.name for dependency in [*direct_dependencies(), *extra_dependencies()]}
    faults = [f"{name} is imported, but pyproject.toml does not ask for it" for name in sorted(used - wanted)]
    faults += [f"{name} is asked for, but never imported" for name in sorted(wanted - used - USED_BY_OTHERS)]
    refuse(faults)


def test_each_dependency_is_explained() -> None:
    """Whatever is asked for, tools included, has its line of reason; what is not asked for any more has none."""
    reasons = (ROOT / "docs" / "decisions" / "dependencies.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([^`]+)` \|", reasons, re.MULTILINE))
    asked_for = [*direct_dependencies(), *extra_dependencies(), *development_dependencies()]
    assert explained == {wanted.name for wanted in asked_for}


def test_nobody_commits_another_lock() -> None:
    """There is one kind of lock: none that names registries."""
    assert [path for path in ("uv.lock", "poetry.lock", "Pipfile.lock") if (ROOT / path).exists()] == []
