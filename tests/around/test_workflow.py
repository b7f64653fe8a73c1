"""The workflow that runs what cannot run here: other Pythons, other systems, an image, an audit."""

import re
import tomllib
from typing import Any

from tests.around.reading import document, faults
from tests.rules.source import ROOT

WORKFLOW = ".github/workflows/ci.yml"


def workflow() -> Any:
    """The workflow; YAML takes its key `on` for a truth value."""
    return {"on" if key is True else key: value for key, value in document(WORKFLOW).items()}


def commands(job: str) -> str:
    """What the steps of a job run."""
    return "\n".join(step.get("run", "") for step in workflow()["jobs"][job]["steps"])


def test_it_is_what_the_format_asks_for() -> None:
    """Known keys only, every job with an end, every action pinned."""
    assert faults("workflow", workflow()) == []


def test_a_fault_is_found() -> None:
    """An action that may change under us, a job without an end, a misspelt key."""
    step = {"uses": "actions/checkout@main"}
    job = {"runs-on": "ubuntu-24.04", "timeout-minutes": 5, "steps": [step]}
    whole = {"on": {"push": None}, "permissions": {"contents": "read"}, "jobs": {"test": job}}
    assert faults("workflow", whole) != []
    step["uses"] = "actions/checkout@v6"
    assert faults("workflow", whole) == []
    assert faults("workflow", {**whole, "jobs": {"test": {"runs-on": "ubuntu-24.04", "steps": [step]}}}) != []
    assert faults("workflow", {**whole, "permission": {}}) != []


def test_every_python_that_is_promised_runs_everything() -> None:
    """The whole gate on each version of the package's classifiers; the systems besides, on the first and the last."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    jobs = workflow()["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == promised
    assert commands("test").strip() == ".ci/run"
    assert jobs["elsewhere"]["strategy"]["matrix"]["python"] == [promised[0], promised[-1]]
    assert {name.partition("-")[0] for name in jobs["elsewhere"]["strategy"]["matrix"]["system"]} == {
        "macos",
        "windows",
    }


def test_known_faults_in_what_is_installed_are_looked_for() -> None:
    """Strictly: what cannot be looked up is no pass; and with the hashes of the lock."""
    assert re.search(r"pip-audit --strict --require-hashes .*--requirement requirements/run\.txt", commands("audit"))


def test_the_image_is_built_weighed_and_run() -> None:
    """Its size is printed; it must become healthy under the limit that the manifests set."""
    ran = commands("image")
    assert [
        part for part in ("docker build", "{{.Size}}", "--memory 512m", "--read-only", "healthy") if part not in ran
    ] == []
    overlays = {path.name.split(".")[1] for path in (ROOT / "deploy").glob("compose.*.yaml")}
    (named,) = re.findall(r"for overlay in (.*); do", ran)
    assert set(named.split()) == overlays
