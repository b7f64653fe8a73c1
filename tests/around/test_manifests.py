"""Compose files, Kubernetes manifests, the ECS task definition, the Render blueprint: against the formats, and Tollbar.

What they run in is not here, so each is held to a schema of its format, and the environment that each gives a server is
loaded as the server would load it.
"""

import copy
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.around.reading import (
    FILLED_IN,
    document,
    documents,
    faults,
    image_environment,
    settings_in_container,
    unknown_names,
)
from tests.rules.source import ROOT
from tollbar.settings import Declared, Settings, SettingsError

OVERLAYS = ("dev", "cache", "proxy")
FILES = {
    "compose.yaml": "compose",
    **{f"deploy/compose.{name}.yaml": "compose" for name in OVERLAYS},
    "deploy/kubernetes/tollbar.yaml": "kubernetes",
    "deploy/kubernetes/secret.example.yaml": "kubernetes",
    "deploy/kubernetes/ingress.example.yaml": "kubernetes",
    "deploy/ecs/task-definition.json": "ecs",
    "render.yaml": "render",
}


def kind(name: str, file: str = "deploy/kubernetes/tollbar.yaml") -> Any:
    """The one document of a kind in a file of manifests."""
    (found,) = (each for each in documents(file) if each["kind"] == name)
    return found


def pod() -> Any:
    """What the Deployment runs."""
    return kind("Deployment")["spec"]["template"]["spec"]


def task() -> Any:
    """The container of the ECS task."""
    (container,) = document("deploy/ecs/task-definition.json")["containerDefinitions"]
    return container


def compose_environment(overlay: str | None = None) -> dict[str, str]:
    """What Compose gives Tollbar, with an overlay's names over those of the plain file and `${A:-b}` as b."""
    layers = ["compose.yaml", *([f"deploy/compose.{overlay}.yaml"] if overlay else [])]
    names = {
        name: value
        for layer in layers
        for name, value in document(layer)["services"]["tollbar"].get("environment", {}).items()
    }
    return {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for name, value in names.items()}


def kubernetes_environment() -> dict[str, str]:
    """What the pod is given, its secret filled in."""
    (container,) = pod()["containers"]
    secret = kind("Secret", "deploy/kubernetes/secret.example.yaml")["stringData"]
    return {**dict.fromkeys(secret, FILLED_IN), **{each["name"]: each["value"] for each in container["env"]}}


def ecs_environment() -> dict[str, str]:
    """What the task is given, its secrets filled in."""
    named = {each["name"]: each["value"] for each in task()["environment"]}
    return {**named, **{each["name"]: FILLED_IN for each in task()["secrets"]}}


def render_environment() -> dict[str, str]:
    """What Render gives, the port and what it makes or asks for included."""
    (service,) = document("render.yaml")["services"]
    return {"PORT": "10000", **{each["key"]: each.get("value", FILLED_IN) for each in service["envVars"]}}


ENVIRONMENTS: dict[str, Callable[[], dict[str, str]]] = {
    "image": image_environment,
    "compose": compose_environment,
    "compose dev": lambda: compose_environment("dev"),
    "compose cache": lambda: compose_environment("cache"),
    "compose proxy": lambda: compose_environment("proxy"),
    "kubernetes": kubernetes_environment,
    "ecs": ecs_environment,
    "render": render_environment,
}


def loaded(where: str, directory: Path) -> Settings:
    """The settings of a server that runs there; a settings file that is mounted stands beside it."""
    environment = ENVIRONMENTS[where]()
    if "TOLLBAR_CONFIG" in environment:
        mounted = {
            "kubernetes": lambda: kind("ConfigMap")["data"]["tollbar.yaml"],
            "compose proxy": lambda: (ROOT / "deploy/nginx/tollbar.yaml").read_text("utf-8"),
        }[where]
        (directory / "tollbar.yaml").write_text(mounted())
        environment["TOLLBAR_CONFIG"] = str(directory / "tollbar.yaml")
    return settings_in_container(directory, environment)


@pytest.mark.parametrize("path", FILES)
def test_each_file_is_what_its_format_asks_for(path: str) -> None:
    """No key that the format does not have, none missing, each of its type."""
    assert [fault for each in documents(path) for fault in faults(FILES[path], each)] == []


@pytest.mark.parametrize("where", ENVIRONMENTS)
def test_each_environment_is_one_that_tollbar_takes(where: str, tmp_path: Path) -> None:
    """Every name is one that Tollbar reads, every value one that it accepts, and the server can be reached."""
    settings = loaded(where, tmp_path)
    assert unknown_names(ENVIRONMENTS[where]()) == set()
    assert not settings.server.is_loopback
    assert settings.server.port == (10_000 if where == "render" else 8_000)
    assert str(settings.data) == "/data"


def test_a_fault_in_a_file_is_found() -> None:
    """A misspelt key, a wrong type and a missing part are each named."""
    for schema, path, spoil in (
        ("compose", "compose.yaml", lambda it: it["services"]["tollbar"].update(envronment={})),
        ("kubernetes", "deploy/kubernetes/secret.example.yaml", lambda it: it["metadata"].update(namespace="a")),
        ("kubernetes", "deploy/kubernetes/ingress.example.yaml", lambda it: it["spec"].pop("rules")),
        ("ecs", "deploy/ecs/task-definition.json", lambda it: it.update(memory=512)),
        ("render", "render.yaml", lambda it: it["services"][0].update(disk={"name": "data", "mountPath": "/data"})),
    ):
        spoilt = copy.deepcopy(document(path))
        spoil(spoilt)
        assert len(faults(schema, spoilt)) >= 1, path


def test_a_name_that_tollbar_lacks_is_found(tmp_path: Path) -> None:
    """A misspelt variable is named, and one that begins with TOLLBAR_ keeps the server from starting."""
    assert unknown_names({"OPENAI_API_KYE": "x", "API_PORT": "1", "PYTHONPATH": "x"}) == {"OPENAI_API_KYE"}
    with pytest.raises(SettingsError, match="TOLLBAR_DTA"):
        settings_in_container(tmp_path, {"TOLLBAR_DTA": "/data"})


def test_every_file_means_the_same_version() -> None:
    """The image is that of the present version."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    images = [
        document("compose.yaml")["services"]["tollbar"]["image"],
        pod()["containers"][0]["image"],
        task()["image"],
    ]
    assert {image.rpartition("/")[2] for image in images} == {f"tollbar:{version}"}


def test_a_service_named_tollbar_would_break_the_start(tmp_path: Path) -> None:
    """Why the pod wants none of the variables that Kubernetes makes of Services."""
    with pytest.raises(SettingsError, match="TOLLBAR_PORT"):
        settings_in_container(tmp_path, {"TOLLBAR_PORT": "tcp://10.0.0.1:80"})
    assert pod()["enableServiceLinks"] is False


def test_the_pod_is_probed_where_tollbar_answers() -> None:
    """Liveness and readiness at their addresses, and together below what one address may ask of /health per minute."""
    (container,) = pod()["containers"]
    probes = {name: container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
    assert {name: probe["httpGet"]["path"] for name, probe in probes.items()} == {
        "startup": "/health",
        "liveness": "/health",
        "readiness": "/health/ready",
    }
    assert sum(60 / probes[name]["periodSeconds"] for name in ("liveness", "readiness")) <= 30


def test_the_pod_may_do_little() -> None:
    """Not root, nothing writable but the volumes, no privilege, no token."""
    (container,) = pod()["containers"]
    assert (pod()["securityContext"]["runAsNonRoot"], pod()["securityContext"]["runAsUser"]) == (True, 10_001)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod()["automountServiceAccountToken"] is False
    assert {each["name"]: each["mountPath"] for each in container["volumeMounts"]}["data"] == "/data"


def test_the_parts_of_the_manifests_belong_together() -> None:
    """Every name that one part uses is one that another part has."""
    (container,) = pod()["containers"]
    assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in pod()["volumes"]}
    labels = kind("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert kind("Deployment")["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert kind("Service")["spec"]["selector"].items() <= labels.items()
    (port,) = kind("Service")["spec"]["ports"]
    assert port["targetPort"] in {each["name"] for each in container["ports"]}
    backend = kind("Ingress", "deploy/kubernetes/ingress.example.yaml")["spec"]["rules"][0]["http"]["paths"][0][
        "backend"
    ]
    assert backend == {"service": {"name": kind("Service")["metadata"]["name"], "port": {"name": port["name"]}}}
    secret = kind("Secret", "deploy/kubernetes/secret.example.yaml")["metadata"]["name"]
    assert container["envFrom"] == [{"secretRef": {"name": secret}}]


@pytest.mark.parametrize("where", ["compose", "kubernetes", "ecs"])
def test_a_stop_leaves_time_for_calls_under_way(where: str, tmp_path: Path) -> None:
    """What ends the process for good comes after the drain and its last words."""
    server = loaded(where, tmp_path).server
    grace = {
        "compose": int(document("compose.yaml")["services"]["tollbar"]["stop_grace_period"].removesuffix("s")),
        "kubernetes": pod()["terminationGracePeriodSeconds"],
        "ecs": task()["stopTimeout"],
    }[where]
    assert server.drain_delay_seconds + server.drain_seconds + 5 < grace
    assert server.drain_delay_seconds == (5 if where == "kubernetes" else 0)


def test_an_unfilled_secret_is_refused(tmp_path: Path) -> None:
    """The example's own values open nothing: a server that is given them does not start."""
    secret = kind("Secret", "deploy/kubernetes/secret.example.yaml")["stringData"]
    for name in ("TOLLBAR_ADMIN_KEY", "TOLLBAR_SECRET"):
        with pytest.raises(SettingsError, match=name):
            settings_in_container(tmp_path, {name: secret[name]})


def test_the_proxys_addresses_are_those_that_tollbar_believes(tmp_path: Path) -> None:
    """The network of the Compose file is the one trusted proxy network."""
    networks = document("deploy/compose.proxy.yaml")["networks"]
    assert [str(network) for network in loaded("compose proxy", tmp_path).server.trusted_proxies] == [
        config["subnet"] for network in networks.values() for config in network["ipam"]["config"]
    ]
    services = document("deploy/compose.proxy.yaml")["services"]
    assert services["tollbar"]["ports"] == []  # and nobody gets past the proxy
    template = (ROOT / "deploy/nginx/tollbar.conf.template").read_text("utf-8")
    assert set(re.findall(r"\$\{(\w+)\}", template)) == services["proxy"]["environment"].keys()
    assert services["proxy"]["environment"]["TOLLBAR_ADDRESS"] == "tollbar:8000"


def test_the_cache_is_used(tmp_path: Path) -> None:
    """The default is the service beside Tollbar, and an address that Tollbar takes."""
    settings_in_container(tmp_path, {"REDIS_URL": "redis://cache:6379/0"})
    assert compose_environment("cache")["REDIS_URL"] == "redis://cache:6379/0"


def test_everything_runs_within_512_megabytes() -> None:
    """The limit that tests/around/test_memory.py measures is the one that is set, everywhere."""
    (service,) = document("render.yaml")["services"]
    assert document("compose.yaml")["services"]["tollbar"]["mem_limit"] == "512m"
    assert pod()["containers"][0]["resources"]["limits"]["memory"] == "512Mi"
    assert document("deploy/ecs/task-definition.json")["memory"] == "512"
    assert service["plan"] in {"free", "starter"}  # both have 512 MB: https://render.com/pricing


def test_settings_within_manifests_are_whole() -> None:
    """The settings files that come along hold for themselves."""
    for text in (kind("ConfigMap")["data"]["tollbar.yaml"], (ROOT / "deploy/nginx/tollbar.yaml").read_text("utf-8")):
        Declared.model_validate(yaml.safe_load(text))
