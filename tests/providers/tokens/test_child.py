"""The child: it counts what OpenAI and others count, and is no more when its parent is not."""

import io
import json
import subprocess
import sys
from typing import Any

from tests.providers.tokens.asking import COUNTED, MESSAGES, PUBLISHED
from tollbar.providers.tokens.child import framed

PARENT = """\
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", "tollbar.providers.tokens.child"], stdin=subprocess.PIPE)
child.stdin.write(sys.stdin.buffer.read())
child.stdin.flush()
time.sleep(600)
"""


def test_it_counts_as_others_do_and_ends_with_its_parent() -> None:
    """As OpenAI does, and in every script, with code, spaces, marks that join, and names of special tokens as words.

    It ends however its parent does: the pipe to what both wrote to closes only when neither is there.
    """
    bodies: list[Any] = [{"messages": MESSAGES}, {"messages": [{"content": [{}]}]}]
    bodies += [{"messages": [{"content": text}]} for text, _ in COUNTED]
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert isinstance(parent.stdout, io.BufferedReader)
        parent.stdin.write(b"".join(framed(json.dumps(body).encode()) for body in bodies))
        parent.stdin.close()
        published, none, *found = [json.loads(parent.stdout.readline()) for _ in bodies]
        parent.kill()
        assert parent.stdout.read() == b""
    assert (published, none) == ({"tokens": PUBLISHED, "pictures": 0}, None)
    assert [(text, told["tokens"] - 6) for (text, _), told in zip(COUNTED, found, strict=True)] == list(COUNTED)
