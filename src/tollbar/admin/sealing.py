"""Text that is stored and must be read again: encrypted under the installation's secret.

Guarantees: what was changed, or moved to another place than it was sealed for, is refused, never returned wrong. Each
sealing has a random nonce of 96 bits, so one key is good for billions of them (NIST SP 800-38D).
"""

import secrets

from tollbar.admin.bootstrap import BootstrapError

NONCE_BYTES = 12


def seal(key: bytes, text: str, place: str) -> bytes:
    """The text encrypted with AES-256-GCM; `place` says where it belongs, and is not stored."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, text.encode(), place.encode())


def unseal(key: bytes, sealed: bytes, place: str) -> str:
    """The text that was sealed for this place; raises BootstrapError for anything else."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode()).decode()
    except (InvalidTag, ValueError):
        raise BootstrapError(f"What the store keeps sealed for {place!r} cannot be read: restore a backup.") from None
