"""Keys of AWS that nobody set, from services on this machine that answer as AWS's do."""

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.fakes import FakeClock
from tests.providers.calls import ask, call
from tests.providers.transport.test_pool import certificate
from tests.upstream import Entry, FakeUpstream
from tests.upstream_scripts import Script
from tollbar.clock import SystemClock
from tollbar.domain.errors import UpstreamFailed, UpstreamMisconfigured, UpstreamTimeout
from tollbar.domain.events import Finished, FinishReason
from tollbar.providers import connect
from tollbar.providers.aws_keys import LOOK_SECONDS, AwsKeys
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import configure, load

pytestmark = pytest.mark.anyio

ROLE = "arn:aws:iam::123456789012:role/gateway"
IDENTITY = {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "{folder}/identity"}
CONTAINER, MACHINE = "/container", "/latest/meta-data/iam/security-credentials/"
FILES = {
    "static": "[static]\naws_access_key_id = AKIAFILE\naws_secret_access_key = hush\n",
    "role": f"[profile role]\nrole_arn = {ROLE}\nsource_profile = static\n",
    "sso": "[profile sso]\nsso_start_url = https://none.example/start\nsso_region = eu-west-1\n"
    "sso_account_id = 123456789012\nsso_role_name = gateway\n",
    "odd": "[profile odd]\naws_access_key_id = AKIAODD\naws_secret_access_key = hush hush\n",
    "half": "[profile half]\naws_access_key_id = AKIAHALF\n",
}


@dataclass(slots=True, eq=False)
class Cloud(FakeUpstream):
    """Gives keys as a container's service, a machine's and STS do: one after the other, or what `answers` holds."""

    answers: list[Script] = field(default_factory=list)
    given: int = 0

    def choose(self, entry: Entry) -> Script:
        """A key at those addresses, Bedrock anywhere else."""
        match entry.path:
            case "/latest/api/token":
                return Script(pieces=(b"imds-v2",))
            case _ if entry.path == MACHINE:
                return Script(pieces=(b"gateway",))
            case _ if entry.path in (CONTAINER, f"{MACHINE}gateway"):
                return self.answers.pop(0) if self.answers else self.key()
            case "/" | "http://sts.invalid/":
                return self._of_sts(parse_qs(entry.body.decode())["Action"][0])
        return FakeUpstream.choose(self, entry)

    def key(self, minutes: float = 60.0) -> Script:
        """The next key, which ends in so many minutes."""
        return Script(pieces=(json.dumps({"Code": "Success", **self._next(minutes), "Type": "AWS-HMAC"}).encode(),))

    def _next(self, minutes: float) -> Mapping[str, str]:
        self.given += 1
        ends = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        named = {"AccessKeyId": f"ASIA{self.given}", "SecretAccessKey": "hush", "Token": f"t{self.given}"}
        return {**named, "Expiration": ends}

    def _of_sts(self, action: str) -> Script:
        told = "".join(f"<{name}>{text}</{name}>" for name, text in self._next(60).items())
        told = told.replace("Token>", "SessionToken>")
        whole = (
            f"<{action}Response><{action}Result><Credentials>{told}</Credentials></{action}Result></{action}Response>"
        )
        return Script(headers=(("content-type", "text/xml"),), pieces=(whole.encode(),))


@dataclass(frozen=True)
class Scene:
    """The services, an environment without any credentials in it, and a clock."""

    up: Cloud
    folder: Path
    environment: pytest.MonkeyPatch
    clock: FakeClock

    def set(self, **names: str) -> None:
        """Sets environment names; `{up}` and `{folder}` stand for what they are here."""
        for name, text in names.items():
            self.environment.setenv(name, text.format(up=self.up.root, folder=self.folder))

    def keys(self) -> AwsKeys:
        """Those that are found here."""
        return AwsKeys("bedrock", "eu-west-1", Transport(self.clock), self.clock)

    def later(self) -> None:
        """The time for another look comes."""
        self.clock.seconds += LOOK_SECONDS


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """All of it."""
    names = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")
    for name in (*names, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "credentials").write_text(FILES["static"])
    (tmp_path / "config").write_text("".join(text for name, text in FILES.items() if name != "static"))
    (tmp_path / "identity").write_text("header.payload.signature")
    async with Cloud() as up:
        made = Scene(up, tmp_path, monkeypatch, FakeClock())
        made.set(AWS_CONFIG_FILE="{folder}/config", AWS_SHARED_CREDENTIALS_FILE="{folder}/credentials")
        made.set(BOTO_CONFIG="{folder}/none", AWS_EC2_METADATA_DISABLED="true")
        yield made


@pytest.mark.parametrize(
    ("environment", "key", "asked"),
    [
        ({"AWS_PROFILE": "static"}, "AKIAFILE", []),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{{up}}{CONTAINER}"}, "ASIA1", [CONTAINER]),
        (
            {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "{up}/"},
            "ASIA1",
            ["/latest/api/token", MACHINE, f"{MACHINE}gateway"],
        ),
        ({"AWS_PROFILE": "role", "AWS_ENDPOINT_URL_STS": "{up}"}, "ASIA1", ["/"]),
        ({**IDENTITY, "AWS_ENDPOINT_URL_STS": "http://sts.invalid"}, "ASIA1", ["http://sts.invalid/"]),
    ],
    ids=["file", "container", "machine", "assumed-role", "web-identity-by-proxy"],
)
async def test_keys_are_found_where_the_tools_of_aws_find_them(
    scene: Scene, environment: dict[str, str], key: str, asked: list[str]
) -> None:
    """When the first call wants one, and not before."""
    scene.set(**environment)
    proxy = scene.up.root if "sts.invalid" in str(asked) else None
    clock = SystemClock()
    async with Transport(clock, proxy) as transport:
        instance = configure("bedrock", load()["bedrock"], {"AWS_REGION": "eu-west-1"}, base_url=scene.up.root)
        provider = connect(instance, transport, clock)
        assert not scene.up.journal
        for _ in range(2):
            assert Finished(FinishReason.STOP) in await ask(provider, call("ok"))
    assert [entry.path for entry in scene.up.journal] == [*asked, "/model/ok/converse", "/model/ok/converse"]
    headers = scene.up.journal[-1].headers
    assert headers["authorization"].startswith(f"AWS4-HMAC-SHA256 Credential={key}/")
    assert headers.get("x-amz-security-token", "") == ("t1" if asked else "")
    assert "hush" not in str([entry.headers for entry in scene.up.journal])


async def test_services_of_tokens_are_trusted_and_reached_as_providers_are(scene: Scene) -> None:
    """By the authorities of the settings, and by no proxy that the environment names."""
    authority, key = certificate(scene.folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, key)
    async with Cloud(tls=context) as up:
        scene.set(**IDENTITY, AWS_ENDPOINT_URL_STS=up.root, HTTPS_PROXY="http://127.0.0.1:1")
        with pytest.raises(UpstreamFailed, match="CERTIFICATE_VERIFY_FAILED"):
            await scene.keys().current()
        transport = Transport(scene.clock, ca_file=authority)
        assert await AwsKeys("bedrock", "eu-west-1", transport, scene.clock).current() == "ASIA1:hush:t1"


async def test_a_key_is_kept_and_renewed_before_its_end_once(scene: Scene) -> None:
    """However many ask at the same time; one that ends too soon to be kept is asked for each time."""
    scene.set(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{{up}}{CONTAINER}")
    scene.up.answers = [scene.up.key(60), scene.up.key(12), scene.up.key(0.9), scene.up.key(0.9)]
    keys = scene.keys()
    assert set(await asyncio.gather(*(keys.current() for _ in range(20)))) == {"ASIA1:hush:t1"}
    scene.later()
    assert await keys.current() == "ASIA1:hush:t1"
    assert len(scene.up.journal) == 1  # it has an hour
    keys = scene.keys()
    assert await keys.current() == "ASIA3:hush:t3"  # twelve minutes are too few: it is renewed, and so is the next
    assert await keys.current() == "ASIA4:hush:t4"
    assert len(scene.up.journal) == 4


async def test_a_key_serves_on_until_its_end_while_no_other_can_be_had(scene: Scene) -> None:
    """Then the failure is told, once it is over; and all is well when there is one again."""
    scene.set(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{{up}}{CONTAINER}")
    nonsense = Script(pieces=(b"{}",))
    scene.up.answers = [scene.up.key(5), scene.up.key(5), nonsense, scene.up.key(-1), nonsense]
    keys = scene.keys()
    assert await keys.current() == "ASIA2:hush:t2"
    scene.later()
    assert await keys.current() == "ASIA2:hush:t2"
    scene.later()
    for _ in range(2):
        with pytest.raises(UpstreamMisconfigured, match=r"expired|KeyError") as fault:
            await keys.current()
        assert "hush" not in fault.value.text
    assert await keys.current() == "ASIA4:hush:t4"


async def test_nobody_waits_for_ever(scene: Scene) -> None:
    """Another call goes on with what was begun, and finds what it found."""
    scene.set(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{{up}}{CONTAINER}")
    whole = scene.up.key()
    scene.up.answers = [replace(whole, pieces=(whole.pieces[0][:5], whole.pieces[0][5:]), gate_after=1)]
    keys = AwsKeys("bedrock", "eu-west-1", Transport(scene.clock), scene.clock, patience=0.05)
    with pytest.raises(UpstreamTimeout, match=r"within 0\.05 seconds") as fault:
        await keys.current()
    assert fault.value.is_retryable
    scene.up.gate.set()
    async with asyncio.timeout(30):
        while True:
            with suppress(UpstreamTimeout):
                assert (await keys.current()).startswith("ASIA")
                break


async def test_a_file_is_read_again(scene: Scene) -> None:
    """As tools that renew its keys every hour expect."""
    scene.set(AWS_PROFILE="static")
    keys = scene.keys()
    assert await keys.current() == "AKIAFILE:hush"
    (scene.folder / "credentials").write_text(FILES["static"].replace("AKIAFILE", "AKIANEXT"))
    assert await keys.current() == "AKIAFILE:hush"
    scene.later()
    assert await keys.current() == "AKIANEXT:hush"


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, ("No AWS credentials were found for bedrock", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK", "container")),
        ({"AWS_PROFILE": "nobody"}, ("nobody", "AWS_PROFILE")),
        ({"AWS_PROFILE": "odd"}, ("is no key",)),
        ({"AWS_PROFILE": "half"}, ("aws_secret_access_key",)),
        ({"AWS_PROFILE": "sso"}, ("SSO", "aws sso login")),
        ({"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "{folder}/gone"}, ("No such file", "role")),
    ],
    ids=["nothing", "profile", "odd", "half", "sso", "identity"],
)
async def test_what_is_missing_is_told_to_the_operator(
    scene: Scene, environment: dict[str, str], words: tuple[str, ...]
) -> None:
    """With what was looked for and what to set, and nothing of what was found."""
    scene.set(**environment)
    with pytest.raises(UpstreamMisconfigured) as fault:
        await scene.keys().current()
    assert [word for word in words if word not in fault.value.text] == []
    assert "AKIA" not in fault.value.text
    assert "hush" not in fault.value.text


async def test_a_service_that_cannot_be_reached_may_be_back_soon(scene: Scene) -> None:
    """A failure that may be tried again, or elsewhere."""
    scene.set(**IDENTITY, AWS_ENDPOINT_URL_STS="http://127.0.0.1:1")
    with pytest.raises(UpstreamFailed, match="could not be had") as fault:
        await scene.keys().current()
    assert fault.value.is_retryable


async def test_the_extra_may_be_missing(scene: Scene) -> None:
    """Which stops no start: the first call says how to install it, and what does without."""
    scene.environment.setitem(sys.modules, "botocore.credentials", None)
    with pytest.raises(UpstreamMisconfigured, match="botocore is not installed") as fault:
        await scene.keys().current()
    assert "pip install 'tollbar[aws]'" in fault.value.text
    assert "AWS_ACCESS_KEY_ID" in fault.value.text
