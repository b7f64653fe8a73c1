"""Access tokens for Google Cloud, from the file that GOOGLE_APPLICATION_CREDENTIALS names.

Two kinds of file are read: a service account's, whose key signs a statement that is exchanged for a token (RFC 7523),
and a person's own from `gcloud auth application-default login`. The file says where tokens are had. Guarantees: a token
is renewed well before it expires, by one exchange at a time, and goes on being used if that fails; nothing secret is
logged or told.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tollbar.domain.catalogue import Timeouts
from tollbar.domain.errors import UpstreamError, UpstreamMisconfigured, UpstreamRejected
from tollbar.ports.clock import Clock
from tollbar.providers.faults import Peer
from tollbar.providers.transport import Transport, endpoint

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
USUAL_PLACE = "https://oauth2.googleapis.com/token"
STATED_SECONDS = 3_600
EARLY_SECONDS = 300.0
"""How long before its end a token is renewed; a call that began with it may last as long as it likes."""
LEAST_SECONDS = 30.0
TIMEOUTS = Timeouts(connect=10, first_byte_plain=20, between_bytes=20, total=30)
_SIGNED = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    renew_at: float
    ends_at: float


class GoogleTokens:
    """The tokens of one file; `name` is the provider's, for messages."""

    def __init__(self, name: str, file: Path, transport: Transport, clock: Clock) -> None:
        self._name = name
        self._file = file
        self._transport = transport
        self._clock = clock
        self._token: _Token | None = None
        self._turn = asyncio.Lock()

    async def current(self) -> str:
        """A token that is good for some minutes; raises UpstreamError."""
        now = self._clock.monotonic()
        if self._token is not None and now < self._token.renew_at:
            return self._token.text
        async with self._turn:
            token = self._token
            if token is not None and self._clock.monotonic() < token.renew_at:
                return token.text
            try:
                self._token = token = await self._exchange()
            except UpstreamError:
                if token is None or self._clock.monotonic() >= token.ends_at:
                    raise
            return token.text

    async def _exchange(self) -> _Token:
        told = await asyncio.to_thread(self._read)
        place, secret, form = self._statement(told)
        peer = Peer(f"The token server of {self._name}", "GOOGLE_APPLICATION_CREDENTIALS", secret)
        try:
            to = endpoint(peer, place, {"Content-Type": "application/x-www-form-urlencoded"})
        except ValueError as fault:
            raise self._wrong(f"names a token server that cannot be used: {fault}") from None
        began = self._clock.monotonic()
        try:
            async with self._transport.post(to, urlencode(form).encode(), TIMEOUTS, stream=False) as answer:
                found: Any = msgspec.json.decode(await answer.read())
            token, seconds = found["access_token"], float(found.get("expires_in", STATED_SECONDS))
        except UpstreamRejected as fault:
            raise self._wrong(f"was refused: {fault.message}") from None
        except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError):
            raise self._wrong("was exchanged for something that is no token") from None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise self._wrong("was exchanged for something that is no token")
        renew_at = began + max(LEAST_SECONDS, seconds - EARLY_SECONDS)
        return _Token(token, min(renew_at, began + seconds), began + seconds)

    def _read(self) -> Mapping[str, Any]:
        try:
            told = msgspec.json.decode(self._file.read_bytes())
        except OSError as fault:
            raise self._wrong(f"cannot be read: {type(fault).__name__}") from None
        except msgspec.DecodeError:
            raise self._wrong("is no JSON") from None
        if not isinstance(told, dict):
            raise self._wrong("is no JSON object")
        return told

    def _statement(self, told: Mapping[str, Any]) -> tuple[str, str, Mapping[str, str]]:
        """Where to exchange what, and which part of it is secret."""
        place = str(told.get("token_uri") or USUAL_PLACE)
        match told:
            case {"type": "service_account", "client_email": str(email), "private_key": str(key)}:
                signed = self._signed(email, key, str(told.get("private_key_id", "")), place)
                return place, signed, {"grant_type": _SIGNED, "assertion": signed}
            case {"type": "authorized_user", "client_id": str(), "client_secret": str(), "refresh_token": str(token)}:
                form = {name: told[name] for name in ("client_id", "client_secret", "refresh_token")}
                return place, token, {"grant_type": "refresh_token", **form}
        kind = str(told.get("type", ""))[:40]
        raise self._wrong(f"is of the kind {kind!r}, or not whole: a service account's or a user's own is needed")

    def _signed(self, email: str, key: str, key_id: str, place: str) -> str:
        now = int(self._clock.now().timestamp())
        claims = {"iss": email, "scope": SCOPE, "aud": place, "iat": now, "exp": now + STATED_SECONDS}
        head = {"alg": "RS256", "typ": "JWT", **({"kid": key_id} if key_id else {})}
        text = b".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
        try:
            private = serialization.load_pem_private_key(key.encode(), password=None)
        except (ValueError, TypeError):
            raise self._wrong("holds a private key that cannot be read") from None
        if not isinstance(private, rsa.RSAPrivateKey):
            raise self._wrong("holds a private key that is not RSA")
        return (text + b"." + _base64(private.sign(text, padding.PKCS1v15(), hashes.SHA256()))).decode()

    def _wrong(self, fault: str) -> UpstreamMisconfigured:
        message = f"The Google credentials of {self._name} are of no use: the file {fault}."
        return UpstreamMisconfigured(message, hint="Check GOOGLE_APPLICATION_CREDENTIALS.")


def _base64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
