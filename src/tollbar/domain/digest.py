"""The keyed digest under which a credential is stored and found: the secret itself is never kept.

HMAC-SHA256 with the installation's pepper, so that a stolen store alone cannot be searched for keys. Keys carry 166
random bits, hence no slow hash: there is nothing to guess.
"""

import hmac


def digest(pepper: bytes, text: str) -> bytes:
    """32 bytes that stand for a credential; equal for equal text under the same pepper, and for nothing else."""
    return hmac.digest(pepper, text.encode("utf-8", "surrogatepass"), "sha256")


def place_text(source: str) -> str:
    """The text whose digest stands for an address that a key is bound to; no key of any kind reads like it."""
    return f"address {source}"
