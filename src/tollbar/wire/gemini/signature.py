"""Proofs of thought on their way to a caller of Google's dialect and back.

Google's SDKs read `thoughtSignature` as base64 and write it anew, in another alphabet; a proof by any other provider
would not survive that. So it goes out wrapped, with a mark that shows whose it is, and is unwrapped when it comes back.
"""

import base64
import binascii

SKIP = "skip_thought_signature_validator"
"""What Google lets stand for the proof of a call that one of its models did not make (Thought signatures, FAQ)."""
_MARK = b"tollbar:"
_REDACTED = b"tollbar-redacted:"


def wrapped(signature: str, is_redacted: bool = False) -> str:
    """A proof as a caller is given it."""
    return base64.b64encode((_REDACTED if is_redacted else _MARK) + signature.encode()).decode()


def unwrapped(text: str) -> tuple[str | None, bool]:
    """The proof in what a caller sends back, and whether it holds redacted thoughts; Google's own stay as they are."""
    if text == SKIP:
        return None, False
    try:
        raw = base64.b64decode(text.translate(str.maketrans("-_", "+/")) + "==")
        for mark, is_redacted in ((_MARK, False), (_REDACTED, True)):
            if raw.startswith(mark):
                return raw.removeprefix(mark).decode(), is_redacted
    except (binascii.Error, ValueError):
        pass
    return text, False
