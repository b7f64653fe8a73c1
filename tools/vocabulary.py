"""The vocabulary of OpenAI's models, made anew from the package of npm that carries it.

    npm pack js-tiktoken@1.0.21
    .venv/bin/python -m tools.vocabulary js-tiktoken-1.0.21.tgz

Nothing is written unless it is, byte for byte, the file of which tiktoken knows the digest.
"""

import hashlib
import json
import lzma
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

SHIPPED = Path(__file__).parent.parent / "src/tollbar/providers/tokens/o200k_base.xz"
DIGEST = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
"""SHA-256 of the unpacked file, as tiktoken 0.14 names it."""
MEMBER = "package/dist/ranks/o200k_base.js"
USAGE = "python -m tools.vocabulary js-tiktoken-1.0.21.tgz"


class OtherVocabularyError(ValueError):
    """What was made is not the file that tiktoken knows."""


def lines(module: str) -> Iterator[bytes]:
    """The tokens of a module of js-tiktoken, each with its rank, as tiktoken's own files have them.

    The module is one object. A line of its ranks is a mark, the rank of the first token, and tokens in a row.
    """
    ranks = json.loads(module[module.index("{") : module.rindex("}") + 1])["bpe_ranks"]
    for line in ranks.splitlines():
        _, first, *tokens = line.split()
        for rank, token in enumerate(tokens, int(first)):
            yield b"%s %d\n" % (token.encode(), rank)


def vocabulary(package: Path) -> bytes:
    """The file in a package of npm; raises OtherVocabularyError."""
    with tarfile.open(package) as packed:
        member = packed.extractfile(MEMBER)
        module = member.read().decode() if member is not None else ""
    made = b"".join(lines(module))
    if hashlib.sha256(made).hexdigest() != DIGEST:
        raise OtherVocabularyError(f"{package.name} does not hold the file that tiktoken knows.")
    return made


def packed(made: bytes) -> bytes:
    """The file as it is shipped."""
    return lzma.compress(made, preset=9 | lzma.PRESET_EXTREME)


def main(arguments: list[str]) -> int:
    """Writes what is shipped; gives the status to exit with."""
    if len(arguments) != 1:
        print(USAGE, file=sys.stderr)
        return 2
    SHIPPED.write_bytes(packed(vocabulary(Path(arguments[0]))))
    print(f"{SHIPPED.name}: {SHIPPED.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
