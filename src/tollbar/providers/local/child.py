"""The engine as a process of its own: one model, served by llama.cpp's HTTP server on a loopback port.

The parent writes one line of JSON, the `Order`, and keeps the pipe open; the child writes one line back, where it
listens or why it cannot. When the pipe closes, because the parent stopped it or is no more, however it died, the child
ends at once. A crash in native code ends this process and no other.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

ENGINE = "xllamacpp"
MEAN_POOLING = 1
PIECE_SECONDS = 0.04
"""What a piece of a prompt may take to read: a caller who leaves is noticed between pieces, one or two later."""
LEAST_TOKENS, MOST_TOKENS = 64, 512
"""Of a piece: with fewer prompts are slower, and more were not counted when the memory was estimated."""
TRIED_TOKENS = 8
QUIET = 1
"""Of the engine's log: errors alone."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a child is to serve. `context_tokens` is for one call; `parallel` calls go at once.

    `key` is what it asks of its callers: no other program on this machine can use the engine.
    """

    name: str
    path: str
    is_embedding: bool
    pools: bool
    context_tokens: int
    parallel: int
    threads: int
    key: str
    format: str = "gguf"

    def line(self) -> bytes:
        """The order as it goes through the pipe."""
        return json.dumps(asdict(self)).encode() + b"\n"


def main() -> None:
    """Serves until the pipe closes."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # native code may write there, and only our line belongs to the pipe
    order = Order(**json.loads(sys.stdin.readline()))
    server, told = _serve(order)
    answers.write(json.dumps(told) + "\n")
    answers.flush()
    if server is not None:
        sys.stdin.read()
    os._exit(0)  # without the engine's own farewell, which waits for calls under way


def _serve(order: Order) -> tuple[object, dict[str, str]]:
    """The server, and what to tell of it; None and the reason where there is none."""
    if fault := cpu_fault(_read_cpu()):
        return None, fault
    try:
        engine = import_module(ENGINE)
    except ImportError as fault:
        return None, import_fault(str(fault))
    try:
        server = _opened(engine, order)
    except RuntimeError as fault:
        return None, {"fault": f"The engine cannot load {order.name}: {fault}", "hint": ""}
    return server, {"url": server.listening_address}


def _opened(engine: Any, order: Order) -> Any:
    """The engine, which reads prompts in pieces that take no longer than they may; to open it twice is quick."""
    server = engine.Server(parameters(engine, order))
    if order.is_embedding or (tokens := piece_tokens(_seconds_to_read(server))) == LEAST_TOKENS:
        return server
    del server  # which frees its memory
    return engine.Server(parameters(engine, order, tokens))


def piece_tokens(tried_seconds: float) -> int:
    """How many tokens a piece of a prompt has where `TRIED_TOKENS` take so long: the more, the quicker is each."""
    fitting = int(TRIED_TOKENS * PIECE_SECONDS / max(tried_seconds, 1e-6))
    return min(max(fitting // LEAST_TOKENS * LEAST_TOKENS, LEAST_TOKENS), MOST_TOKENS)


def _seconds_to_read(server: Any) -> float:
    """What a few tokens take, after one has brought the weights into memory."""
    for tokens in (1, TRIED_TOKENS):
        read = server.handle_completions({"prompt": [1] * tokens, "n_predict": 1, "cache_prompt": False})
    return read["timings"]["prompt_ms"] / 1e3


def parameters(engine: Any, order: Order, piece: int = LEAST_TOKENS) -> Any:
    """The engine's parameters for an order, with so many tokens of a prompt at once."""
    made = engine.CommonParams()
    made.model.path = order.path
    made.model_alias = {order.name}
    made.hostnames = ["127.0.0.1"]
    made.port = 0
    made.api_keys = [order.key]
    made.n_parallel = order.parallel
    made.n_ctx = order.context_tokens * order.parallel
    made.cpuparams.n_threads = made.cpuparams_batch.n_threads = order.threads
    made.n_threads_http = 2 * order.parallel + 8  # a kept connection has a thread of its own
    made.cache_ram_mib = 0  # beyond what was estimated; a slot remembers its last prompt without it
    made.use_jinja = True
    made.warmup = made.fit_params = made.ui = False
    made.endpoint_slots = True  # who has the key may see what each slot is at
    made.n_batch = made.n_ubatch = piece
    made.verbosity = QUIET
    if order.is_embedding:
        made.embedding = True
        made.n_batch = made.n_ubatch = order.context_tokens  # a text is embedded in one piece
        made.kv_unified = True  # or texts of one batch are cut where the shortest ends, and wrong vectors come
        if not order.pools:
            made.pooling_type = MEAN_POOLING
    return made


def import_fault(message: str) -> dict[str, str]:
    """Why the engine could not be imported, and what helps."""
    if "libgomp" in message:
        hint = "Install the package libgomp1 (Debian, Ubuntu) or libgomp (Fedora, Alpine)."
        return {"fault": "The engine for local models needs the library libgomp, which is missing.", "hint": hint}
    hint = "Install it with: pip install 'tollbar[local]'."
    return {"fault": "The engine for local models is not installed.", "hint": hint}


def cpu_fault(cpu: str) -> dict[str, str] | None:
    """What is missing of a processor that /proc/cpuinfo describes; None when nothing is, or nobody knows."""
    flags = next((line.split() for line in cpu.splitlines() if line.startswith("flags")), [])
    missing = [name.upper() for name in ("avx2", "fma") if flags and name not in flags]
    if not missing:
        return None
    hint = "Use another machine, or an Ollama server: its models are found by themselves."
    return {
        "fault": f"The engine for local models needs a processor with {' and '.join(missing)}.",
        "hint": hint,
    }


def _read_cpu() -> str:
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    main()
