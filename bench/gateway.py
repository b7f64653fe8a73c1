"""Tollbar as a user would run it, with nothing switched off: key, rates, allowances, ledger, request log, metrics."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench import answers
from bench.machine import Cores, free_port, program, until

TOLLBAR = Path(sys.executable).parent / "tollbar"
MODELS = ("plain", "stream", "paced")
AMPLE = {
    "--credits": "1000000000",
    "--dollars": "1000000",
    "--rpm": "100000000",
    "--tpm": "100000000000",
    "--concurrency": "100000",
}
"""Limits that never refuse, and are kept all the same."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running Tollbar: where it listens, its process, the keys that callers use, and how long its start took."""

    port: int
    process: "subprocess.Popen[bytes]"
    keys: tuple[str, ...]
    start_seconds: float = 0.0

    @property
    def pid(self) -> int:
        """The process whose CPU time and memory are counted, with its children's."""
        return self.process.pid


@dataclass(frozen=True, slots=True)
class Installation:
    """A folder with settings and state."""

    folder: Path
    cores: Cores

    @property
    def data(self) -> Path:
        """Where state lives."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the gateway wrote."""
        return self.folder / "gateway.log"

    @property
    def arguments(self) -> list[str]:
        """What every command of this installation is told."""
        return ["--config", str(self.folder / "tollbar.yaml"), "--data", str(self.data)]


def install(folder: Path, cores: Cores, fast_port: int, paced_port: int) -> Installation:
    """Writes the settings of an installation: one provider per kind of answer, and a model with a price for each."""
    folder.mkdir()
    ports = {"plain": fast_port, "stream": fast_port, "paced": paced_port}
    lines = ["providers:"]
    for name, port in ports.items():
        lines.append(f"  {name}: {{wire: openai, base_url: 'http://127.0.0.1:{port}/{name}/v1', api_key: x}}")
    lines.append("models:")
    lines += [f"  {name}: {{targets: [{name}/bench], price: {{input: 1.0, output: 2.0}}}}" for name in MODELS]
    (folder / "tollbar.yaml").write_text("\n".join(lines) + "\n")
    return Installation(folder, cores)


def make_key(installation: Installation, name: str) -> str:
    """A new key with limits and allowances of every kind."""
    options = [word for option in AMPLE.items() for word in option]
    command = [str(TOLLBAR), "keys", "create", "--name", name, *options, "--quiet", *installation.arguments]
    return _output(command)


def make_admin_key(installation: Installation) -> str:
    """A new key that opens the administration."""
    return _output(
        [str(TOLLBAR), "keys", "create", "--name", "bench admin", "--admin", "--quiet", *installation.arguments]
    )


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"no key could be made: {done.stdout}{done.stderr}")
    return done.stdout.strip()


@contextmanager
def running(installation: Installation, keys: tuple[str, ...]) -> Iterator[Gateway]:
    """Tollbar on a core of its own, from its first answer on."""
    port = free_port()
    began = time.monotonic()
    with program(_command(installation, port), installation.cores.measured, log=installation.log) as process:
        gateway = Gateway(port, process, keys)
        try:
            until(lambda: answers_now(gateway), process, 60.0)
            gateway = replace(gateway, start_seconds=time.monotonic() - began)
            yield gateway
        except RuntimeError as error:
            raise RuntimeError(f"{error}\n{installation.log.read_text()[-3_000:]}") from error


def start_seconds(installation: Installation, key: str) -> float:
    """From the command to the first answered call."""
    with running(installation, (key,)) as gateway:
        return gateway.start_seconds


def _command(installation: Installation, port: int) -> list[str]:
    return [str(TOLLBAR), "serve", "--host", "127.0.0.1", "--port", str(port), *installation.arguments]


def answers_now(gateway: Gateway) -> bool:
    """Whether a call gets an answer at this moment; raises RuntimeError when it is not a good one."""
    try:
        status, body = call(gateway, "plain")
    except OSError:
        return False
    if status != 200:
        raise RuntimeError(f"the gateway answers {status}: {body[:600].decode(errors='replace')}")
    return True


def check(gateway: Gateway) -> None:
    """Sees to it that what is about to be measured is the whole work: every answer complete and metered."""
    _, body = call(gateway, "plain")
    if json.loads(body)["usage"] != json.loads(answers.document())["usage"]:
        raise RuntimeError("the document is not the provider's")
    for name in ("stream", "paced"):
        status, body = call(gateway, name)
        pieces = body.count(b'"delta":{"content":')
        if status != 200 or pieces != answers.STREAM_CHUNKS or not body.endswith(b"data: [DONE]\n\n"):
            raise RuntimeError(f"a stream came with status {status}, {pieces} pieces: {body[-300:]!r}")
        if b'"usage":{' in body:
            raise RuntimeError("a usage report went to a caller who had not asked")
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    connection.request("GET", "/v1/me", headers={"Authorization": f"Bearer {gateway.keys[0]}"})
    standing = json.loads(connection.getresponse().read())
    connection.close()
    spent = {each["unit"]: float(each["spent"]) for each in standing["allowances"]}
    if not all(spent.get(unit) for unit in ("credits", "dollars")):
        raise RuntimeError(f"the calls were not charged: {standing}")


def call(gateway: Gateway, model: str) -> tuple[int, bytes]:
    """One call with the first key: its status and its whole body."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    headers = {"Authorization": f"Bearer {gateway.keys[0]}", "Content-Type": "application/json"}
    try:
        body = answers.request_body(model, is_stream=model != "plain")
        connection.request("POST", "/v1/chat/completions", body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
