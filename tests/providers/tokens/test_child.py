"""The child: what OpenAI reports is what it counts, and it is no more when its parent is not."""

import io
import json
import subprocess
import sys

from tests.providers.tokens.asking import MESSAGES, PUBLISHED
from tollbar.providers.tokens.child import framed

PARENT = """\
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", "tollbar.providers.tokens.child"], stdin=subprocess.PIPE)
child.stdin.write(sys.stdin.buffer.read())
child.stdin.flush()
time.sleep(600)
"""


def test_it_counts_as_openai_does_and_ends_with_its_parent() -> None:
    """However that ends: the pipe to what both wrote to closes only when neither is there."""
    bodies = framed(json.dumps({"messages": MESSAGES}).encode()) + framed(b'{"messages":[{"content":[{}]}]}')
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert isinstance(parent.stdout, io.BufferedReader)
        parent.stdin.write(bodies)
        parent.stdin.close()
        answers = [json.loads(parent.stdout.readline()) for _ in range(2)]
        parent.kill()
        assert (answers, parent.stdout.read()) == ([{"tokens": PUBLISHED, "pictures": 0}, None], b"")
