"""Tokens of Google Cloud, from a token server on this machine."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from tests.providers.calls import call
from tests.upstream import Entry, FakeUpstream
from tests.upstream_scripts import Script
from tollbar.clock import SystemClock
from tollbar.domain.errors import UpstreamError, UpstreamMisconfigured
from tollbar.providers import connect
from tollbar.providers.google_tokens import EARLY_SECONDS, SCOPE, GoogleTokens
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import Instance, load

pytestmark = pytest.mark.anyio

KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
EMAIL = "robot@example.iam.gserviceaccount.com"


def pem(key: Any) -> str:
    """A private key as its file holds it."""
    kind, encryption = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, kind, encryption).decode()


@dataclass
class Clock(SystemClock):
    """A clock that can be put forward."""

    ahead: float = 0.0

    def monotonic(self) -> float:
        """Seconds, with those that were added."""
        return super().monotonic() + self.ahead

    def now(self) -> datetime:
        """The moment, likewise."""
        return super().now() + timedelta(seconds=self.ahead)


@dataclass(slots=True, eq=False)
class TokenServer(FakeUpstream):
    """Gives tokens, the next in `answers` or one after the other."""

    answers: list[Script] = field(default_factory=list)

    def choose(self, entry: Entry) -> Script:
        """A token at its address, models anywhere else."""
        if entry.path != "/token":
            return FakeUpstream.choose(self, entry)
        if self.answers:
            return self.answers.pop(0)
        count = sum(one.path == "/token" for one in self.journal)
        told = {"access_token": f"ya29.token{count}", "expires_in": 3_600, "token_type": "Bearer"}
        return Script(pieces=(json.dumps(told).encode(),))

    @property
    def place(self) -> str:
        """Where tokens are had."""
        return f"http://127.0.0.1:{self.port}/token"


@dataclass(frozen=True)
class Scene:
    """A server, a file that names it, a clock, and the tokens of the three."""

    up: TokenServer
    file: Path
    clock: Clock
    transport: Transport

    def write(self, **changes: Any) -> GoogleTokens:
        """A service account's file, with changes, and its tokens."""
        told = {
            "type": "service_account",
            "client_email": EMAIL,
            "private_key": pem(KEY),
            "private_key_id": "key-1",
            "token_uri": self.up.place,
        }
        kept = {name: value for name, value in {**told, **changes}.items() if value is not None}
        self.file.write_text(json.dumps(kept))
        return GoogleTokens("vertex", self.file, self.transport, self.clock)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """All of it."""
    clock = Clock()
    async with TokenServer() as up, Transport(clock) as transport:
        yield Scene(up, tmp_path / "credentials.json", clock, transport)


def read(part: str) -> Any:
    """A part of a statement."""
    return json.loads(base64.urlsafe_b64decode(part + "=="))


async def test_a_signed_statement_is_exchanged_for_a_token(scene: Scene) -> None:
    """RS256 over who asks, for what, of whom and for how long; nothing else is sent."""
    assert await scene.write().current() == "ya29.token1"
    (entry,) = scene.up.journal
    form = parse_qs(entry.body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert entry.headers["content-type"] == "application/x-www-form-urlencoded"
    head, claims, signature = form["assertion"][0].split(".")
    assert read(head) == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    told = read(claims)
    assert (told["iss"], told["scope"], told["aud"]) == (EMAIL, SCOPE, scene.up.place)
    assert told["exp"] - told["iat"] == 3_600
    assert abs(told["iat"] - datetime.now(UTC).timestamp()) < 60
    raw = base64.urlsafe_b64decode(signature + "==")
    KEY.public_key().verify(raw, f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())


async def test_a_persons_own_file(scene: Scene) -> None:
    """As `gcloud auth application-default login` writes it."""
    secrets = {"client_id": "id", "client_secret": "s3cret", "refresh_token": "1//refresh"}
    tokens = scene.write(type="authorized_user", private_key=None, client_email=None, **secrets)
    assert await tokens.current() == "ya29.token1"
    form = {name: value for name, (value,) in parse_qs(scene.up.journal[0].body.decode()).items()}
    assert form == {"grant_type": "refresh_token", **secrets}


async def test_a_token_is_kept_and_renewed_before_its_end_once(scene: Scene) -> None:
    """However many ask at the same time."""
    tokens = scene.write()
    assert set(await asyncio.gather(*(tokens.current() for _ in range(20)))) == {"ya29.token1"}
    scene.clock.ahead = 3_600 - EARLY_SECONDS - 60
    assert await tokens.current() == "ya29.token1"
    scene.clock.ahead = 3_600 - EARLY_SECONDS + 1
    assert set(await asyncio.gather(*(tokens.current() for _ in range(20)))) == {"ya29.token2"}
    assert len(scene.up.journal) == 2


async def test_a_token_serves_on_while_another_cannot_be_had(scene: Scene) -> None:
    """Until it ends: then the failure is told, and may pass."""
    tokens = scene.write()
    await tokens.current()
    scene.clock.ahead = 3_600 - EARLY_SECONDS + 1
    scene.up.answers = [Script(status=503), Script(status=503)]
    assert await tokens.current() == "ya29.token1"
    scene.clock.ahead = 3_601
    with pytest.raises(UpstreamError) as fault:
        await tokens.current()
    assert fault.value.is_retryable is True
    assert await tokens.current() == "ya29.token4"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"type": "external_account"}, "external_account"),
        ({"client_email": None}, "not whole"),
        ({"private_key": "nonsense"}, "private key that cannot be read"),
        ({"private_key": pem(ec.generate_private_key(ec.SECP256R1()))}, "not RSA"),
        ({"token_uri": "http://169.254.169.254/token"}, "token server that cannot be used"),
    ],
)
async def test_a_file_of_no_use_is_told_to_the_operator(scene: Scene, changes: dict[str, Any], word: str) -> None:
    """By what is wrong with it, without what it holds."""
    with pytest.raises(UpstreamMisconfigured, match=word) as fault:
        await scene.write(**changes).current()
    assert "GOOGLE_APPLICATION_CREDENTIALS" in fault.value.text
    assert "PRIVATE KEY" not in fault.value.text
    assert not scene.up.journal


@pytest.mark.parametrize(("text", "word"), [(None, "FileNotFoundError"), ("{", "no JSON"), ("[]", "no JSON object")])
async def test_a_file_that_is_none(scene: Scene, text: str | None, word: str) -> None:
    """Neither stops the start: the first call says so."""
    tokens = scene.write()
    if text is None:
        scene.file.unlink()
    else:
        scene.file.write_text(text)
    with pytest.raises(UpstreamMisconfigured, match=word):
        await tokens.current()


@pytest.mark.parametrize(
    "answer",
    [
        Script(status=400, pieces=(b'{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}',)),
        Script(status=401),
        Script(pieces=(b"{}",)),
        Script(pieces=(b"nonsense",)),
        Script(pieces=(b'{"access_token": "a\\nb"}',)),
        Script(pieces=(b'{"access_token": "a", "expires_in": "soon"}',)),
    ],
)
async def test_a_server_that_gives_no_token(scene: Scene, answer: Script) -> None:
    """The operator's affair, whatever it says instead."""
    scene.up.answers = [answer]
    with pytest.raises(UpstreamMisconfigured):
        await scene.write().current()


async def test_both_endpoints_of_vertex_are_called_with_the_token(scene: Scene) -> None:
    """OpenAI's protocol and Google's, each at its address; the path of the file goes nowhere."""
    scene.write()
    rows = load()
    for name, address, path in (
        ("vertex", scene.up.url, "/v1/chat/completions"),
        ("vertex-gemini", scene.up.google_url, "/v1beta/models/ok:generateContent"),
    ):
        provider = connect(Instance(name, rows[name], address, str(scene.file)), scene.transport, scene.clock)
        async with provider.open(call("ok")) as events:
            assert [event async for event in events]
        entry = scene.up.journal[-1]
        assert entry.path == path
        assert entry.headers["authorization"].startswith("Bearer ya29.token")
        assert str(scene.file) not in str(entry.headers)
