"""The counting as a process of its own: bodies of chat completion requests in, a line of JSON for each out.

A body comes after its length in four bytes. The vocabulary is here and nowhere else: its memory goes with this process,
which ends when the pipe closes, because the parent stopped it or is no more, however it died.
"""

import json
import os
import sys
from typing import BinaryIO

from tollbar.providers.tokens.prompt import tally
from tollbar.providers.tokens.vocabulary import counter

HEAD_BYTES = 4


def framed(body: bytes) -> bytes:
    """A body as it goes through the pipe."""
    return len(body).to_bytes(HEAD_BYTES) + body


def main() -> None:
    """Counts until the pipe closes."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # a library may write there, and only our lines belong to the pipe
    serve(sys.stdin.buffer, answers)


def serve(bodies: BinaryIO, answers: BinaryIO) -> None:
    """Answers each body until there are no more: with its tally, or null where it cannot be counted."""
    length = counter()
    while head := bodies.read(HEAD_BYTES):
        found = tally(json.loads(bodies.read(int.from_bytes(head))), length)
        answers.write(json.dumps(found and found._asdict()).encode() + b"\n")


if __name__ == "__main__":
    main()
