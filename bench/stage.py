"""Everything that a measure needs, running: the provider's stand-ins, nginx as the reference, Tollbar."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import answers, gateway, nginx
from bench.driving import Driver
from bench.load import Load
from bench.machine import Cores, free_port, program, wait_for_port

CONNECTIONS = 64
YARDSTICK_KEY = "sk-yardstick"


@dataclass(frozen=True, slots=True)
class Proxy:
    """What stands in Tollbar's place to compare with: nginx, which passes everything on, or the yardstick."""

    port: int
    process: "subprocess.Popen[bytes]"


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs for the whole of a bench, and a folder for what it writes."""

    folder: Path
    cores: Cores
    driver: Driver
    fast_port: int
    paced_port: int
    proxy: Proxy | None
    yardstick: Proxy


@contextmanager
def stage(folder: Path, cores: Cores) -> Iterator[Stage]:
    """The stand-ins and, where there is an nginx, the reference."""
    found = nginx.find()
    fast_port, paced_port, proxy_port = free_port(), free_port(), free_port()
    with ExitStack() as running:

        def start(command: list[str], port: int, core: int) -> "subprocess.Popen[bytes]":
            process = running.enter_context(program(command, core, log=folder / f"{port}.log"))
            wait_for_port(port, process)
            return process

        stub = [sys.executable, "-m", "bench.stub"]
        fast = nginx.provider(found, folder / "provider", fast_port) if found else [*stub, str(fast_port)]
        start(fast, fast_port, cores.feeding)
        start([*stub, str(paced_port)], paced_port, cores.feeding)
        proxy = None
        if found:
            command = nginx.proxy(found, folder / "proxy", proxy_port, fast_port)
            proxy = Proxy(proxy_port, start(command, proxy_port, cores.measured))
        port = free_port()
        bases = {"": f"http://127.0.0.1:{fast_port}/{{model}}", "paced": f"http://127.0.0.1:{paced_port}/{{model}}"}
        words = [str(port), json.dumps(bases), YARDSTICK_KEY, "upstream", str(folder / "yardstick.sqlite")]
        process = start([sys.executable, "-m", "bench.yardstick", *words], port, cores.measured)
        yield Stage(folder, cores, Driver(cores), fast_port, paced_port, proxy, Proxy(port, process))


def calls(running: gateway.Gateway, model: str, seconds: float, connections: int = CONNECTIONS) -> Load:
    """Calls of one model through Tollbar, with each of its keys in turn."""
    body = answers.request_body(model, is_stream=model != "plain")
    requests = [answers.request(running.port, key, body).decode() for key in running.keys]
    return Load(running.port, requests, connections, seconds)


def messages(running: gateway.Gateway, model: str, seconds: float, connections: int = CONNECTIONS) -> Load:
    """Plain calls of Anthropic's dialect, of a model whose provider speaks OpenAI's."""
    body = answers.message_body(model)
    requests = [answers.request(running.port, key, body, "/v1/messages").decode() for key in running.keys]
    return Load(running.port, requests, connections, seconds)


def alike(stage: Stage, name: str, seconds: float, connections: int = CONNECTIONS) -> Load:
    """The same calls through the yardstick."""
    port = stage.yardstick.port
    body = answers.request_body(name, is_stream=name != "plain")
    return Load(port, [answers.request(port, YARDSTICK_KEY, body).decode()], connections, seconds)


def direct(port: int, name: str, seconds: float, connections: int = CONNECTIONS) -> Load:
    """The same calls without Tollbar: to the provider, or to nginx before it."""
    body = answers.request_body(name, is_stream=name != "plain")
    requests = [answers.request(port, "none", body, f"/{name}/v1/chat/completions").decode()]
    return Load(port, requests, connections, seconds)
