"""The image, as far as it can be shown without a container engine: its build's steps are taken with the same files.

Its size is printed by the workflow, which builds it.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

from bench.machine import free_port
from tests.around.proxying import note_taker
from tests.journeys.stand import started
from tests.rules.source import ROOT

RUN_FROM_WHEEL = """
import tollbar
from tollbar.providers.guide.provider import packaged_index
packaged_index()
print(tollbar.__file__)
"""
HEALTH_CHECK = ROOT / "deploy" / "healthcheck.py"


def instructions() -> list[str]:
    """The lines of the Dockerfile, each whole and without comments."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    return [re.sub(r"\s+", " ", line) for line in text.splitlines() if line and not line.startswith("#")]


def copied() -> list[str]:
    """What the build takes from the clone."""
    sources = []
    for line in instructions():
        if line.startswith("COPY ") and "--from=" not in line:
            sources += line.split()[1:-1]
    return sources


def let_through() -> list[str]:
    """What `.dockerignore` leaves of the clone."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("!") for line in lines if line.startswith("!")]


def kept_out() -> list[str]:
    """The patterns of what it takes away again."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("**/") for line in lines if line.startswith("**/")]


def stage(directory: Path) -> Path:
    """The files that the build sees, and no others."""
    for name in let_through():
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns(*kept_out()))
        else:
            shutil.copy(ROOT / name, target)
    return directory


def test_what_is_copied_is_let_through_and_the_other_way_round() -> None:
    """The build gets each file that it asks for, and none that it does not."""
    assert sorted(copied()) == sorted(let_through())
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith(("#", "!", "**/"))] == ["*"]


def test_the_wheel_of_the_image_has_everything(tmp_path: Path) -> None:
    """Built from what the build sees: the code, its data, the documentation, the migrations; and it runs."""
    command = [Path(sys.executable).with_name("uv"), "build", "--wheel", "--no-build-isolation", "--offline", "--quiet"]
    source = stage(tmp_path / "source")
    subprocess.run([*command, "--python", sys.executable, "--out-dir", tmp_path, source], check=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    wanted = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src" / "tollbar").rglob("*")}
    wanted = {name for name in wanted if (ROOT / "src" / name).is_file() and not ignored(name)}
    assert sorted(wanted - set(names)) == []
    assert "tollbar/documentation/deploying.md" in names
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    told = subprocess.run(
        [sys.executable, "-c", RUN_FROM_WHEEL],
        env={"PYTHONPATH": str(tmp_path / "installed"), "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(told.stdout.strip()).is_relative_to(tmp_path / "installed")


def ignored(name: str) -> bool:
    """Whether a file is one of those that are kept out."""
    return any(fnmatch(part, pattern) for part in name.split("/") for pattern in kept_out())


def test_it_is_made_of_wheels_that_are_locked() -> None:
    """Every installation checks hashes, or has no index to ask; nothing is compiled."""
    installations = re.findall(r"pip [^&]*install[^&]*", " ".join(instructions()))
    assert len(installations) == 3
    for line in installations:
        assert "--no-index" in line or {"--require-hashes", ":all:"} <= set(line.split()), line


def test_the_result_has_neither_root_nor_tools() -> None:
    """The last stage takes the environment from the first, runs as a numbered user, and keeps state in a volume."""
    last = instructions()[max(at for at, line in enumerate(instructions()) if line.startswith("FROM ")) :]
    assert [line.split()[0] for line in last].count("RUN") == 1
    assert {"USER 10001:10001", "VOLUME /data", "EXPOSE 8000", 'ENTRYPOINT ["tollbar"]', 'CMD ["serve"]'} <= set(last)
    assert not any("pip" in line or "curl" in line for line in last)


def test_it_runs_models_of_its_own() -> None:
    """What is installed has the engine, and the last stage the one library that a slim image lacks for it."""
    assert re.search(r"^xllamacpp==", (ROOT / "requirements" / "scale.txt").read_text(), re.MULTILINE)
    last = instructions()[max(at for at, line in enumerate(instructions()) if line.startswith("FROM ")) :]
    assert sum("apt-get install --yes --no-install-recommends libgomp1 && rm -rf" in line for line in last) == 1


def health(environment: dict[str, str]) -> tuple[int, str]:
    """The status and the words of the image's health check."""
    done = subprocess.run(
        [sys.executable, HEALTH_CHECK], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("name", ["API_PORT", "PORT"])
def test_a_server_that_lives_is_healthy(tmp_path: Path, name: str) -> None:
    """The check finds the port where the server finds it, and is quiet."""
    with started(tmp_path) as gateway:
        assert health({name: str(gateway.port)}) == (0, "")


def test_one_that_is_gone_or_ill_is_not() -> None:
    """Nobody listens, or the answer is an error: status 1, and why."""
    status, words = health({"API_PORT": str(free_port()), "PORT": "1"})
    assert (status, words.startswith("nothing answers on port")) == (1, True)
    with note_taker() as notes:
        assert health({"API_PORT": str(notes.port)}) == (0, "")
        notes.status = 503
        assert health({"API_PORT": str(notes.port)}) == (1, "/health answers 503\n")
