"""`transformers serve` as a process of its own: one safetensors model on a loopback port, for our key alone.

It is started and ended as llama.cpp's child is: an `Order` comes through the pipe, a line goes back, and when the pipe
closes the process ends at once. Nothing is fetched, and no code that comes with a model is run.
"""

import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from tollbar.providers.local.child import Order
from tollbar.providers.local.transformers.front import Front
from tollbar.providers.local.transformers.generation import Desk

Tell = Callable[[dict[str, str]], None]

LIBRARIES = ("torch", "uvicorn", "jinja2", "transformers", "transformers.cli.serve", "accelerate", "openai")
KEPT_SECONDS = 3_600
"""How long an idle connection stays open: longer than we keep it, so that it never closes under a call."""
# What a folder that is no model, or of a kind that is not known, makes of loading it.
UNLOADABLE = (ImportError, OSError, ValueError, RuntimeError, LookupError, AttributeError, TypeError)


def main() -> None:
    """Serves until the pipe closes."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever is printed goes there, and only our line belongs to the pipe
    order = Order(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_pipe, daemon=True).start()

    def tell(told: dict[str, str]) -> None:
        answers.write(json.dumps(told) + "\n")
        answers.flush()

    serve(order, tell)
    os._exit(0)


def _end_with_pipe() -> None:
    sys.stdin.read()
    os._exit(0)


def serve(order: Order, tell: Tell) -> None:
    """Loads the model and serves it; returns at once when that cannot be, which has been told then."""
    try:
        torch, uvicorn, jinja2, library, command = _libraries()
    except ImportError as fault:
        tell(import_fault(fault))
        return
    logging.disable(logging.WARNING)
    torch.set_num_threads(order.threads)
    desk = Desk(order.context_tokens, torch.manual_seed)
    library.GenerationMixin.generate = desk.bound(library.GenerationMixin.generate)
    faults = (jinja2.TemplateError, ValueError, TypeError, LookupError, AttributeError)

    def before(inner: Any) -> Front:
        return Front(inner, desk, name=order.name, path=order.path, key=order.key, faults=faults)

    uvicorn.Server = fronted(uvicorn.Server, before, tell)
    try:
        command.Serve(order.path, host="127.0.0.1", port=0, device="cpu", log_level="error")
    except UNLOADABLE as fault:
        tell({"fault": f"Transformers cannot load {order.name}: {fault}", "hint": ""})


def _libraries() -> tuple[Any, ...]:
    """What is used of the libraries; all are imported, so that one that is missing is told by its name."""
    return tuple(import_module(name) for name in LIBRARIES)[:5]


def fronted(server: Any, before: Callable[[Any], Any], tell: Tell) -> Any:
    """The class of servers with something put before each one's application; it tells where it listens."""

    class Fronted(server):
        def __init__(self, config: Any) -> None:
            config.app = before(config.app)
            config.timeout_keep_alive = KEPT_SECONDS
            super().__init__(config)

        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            port = self.servers[0].sockets[0].getsockname()[1]
            tell({"url": f"http://127.0.0.1:{port}"})

    return Fronted


def import_fault(fault: ImportError) -> dict[str, str]:
    """Why Transformers could not be imported, and what helps."""
    hint = "Install it with: pip install 'tollbar[transformers]'."
    if fault.name in {name.partition(".")[0] for name in LIBRARIES}:
        return {"fault": "Transformers, which runs safetensors models, is not installed.", "hint": hint}
    return {"fault": f"Transformers, which runs safetensors models, cannot be imported: {fault}.", "hint": hint}


if __name__ == "__main__":
    main()
