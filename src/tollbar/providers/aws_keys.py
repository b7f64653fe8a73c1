"""Keys of AWS where none is set: found as AWS's own tools find them, by botocore's chain of credentials alone.

That is files and profiles, roles to assume, web identities, single sign-on, containers, and the role of the machine.
botocore is an extra, imported when a call first wants a key. It makes requests of its own: to AWS's services of tokens,
by the proxy and the authorities of the transport, and to metadata services, which `destinations` keeps from everybody
else. Guarantees: nobody is asked before a call needs a key, and never in the event loop; one look at a time;
a key is renewed minutes before it ends, and goes on being used until then if that fails; no secret is logged or told.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tollbar.domain.errors import UpstreamError, UpstreamFailed, UpstreamMisconfigured, UpstreamTimeout
from tollbar.ports.clock import Clock
from tollbar.providers.aws import FOUND, AccessKey, key_fault
from tollbar.providers.faults import Peer
from tollbar.providers.transport import Transport

if TYPE_CHECKING:
    from botocore.credentials import Credentials, RefreshableCredentials
    from botocore.session import Session

LOOK_SECONDS = 60
"""How long a key is used before the chain is asked again, which renews one a quarter of an hour before its end."""
MOST_SECONDS = 40.0
NONSENSE = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError)
"""What botocore raises over answers and files that hold something else."""
CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 5, 10, 2
INSTEAD = "set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY"


class AwsKeys:
    """The keys of one provider, which `name` is the name of; services of tokens are asked in `region`.

    A call waits no longer than `patience` seconds: botocore gives up before, a program that a profile names may not.
    """

    def __init__(
        self, name: str, region: str, transport: Transport, clock: Clock, patience: float = MOST_SECONDS
    ) -> None:
        self._name = name
        self._region = region
        self._transport = transport
        self._clock = clock
        self._patience = patience
        self._key = ""
        self._look_at = 0.0
        # The thread's own: with the key that it gave last.
        self._found: tuple[RefreshableCredentials | None, str] = (None, "")
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "aws-keys")  # its own, where a look that nobody awaits any more can end

    async def current(self) -> str:
        """A key that is good now; raises UpstreamError."""
        if self._key and self._clock.monotonic() < self._look_at:
            return self._key
        try:
            async with asyncio.timeout(self._patience), self._turn:
                now = self._clock.monotonic()
                if not self._key or now >= self._look_at:
                    found = await asyncio.get_running_loop().run_in_executor(self._thread, self._look)
                    self._key, self._look_at = found[0], now + found[1]
                return self._key
        except TimeoutError:
            message = f"The AWS credentials of {self._name} could not be had within {self._patience:g} seconds."
            raise UpstreamTimeout(message, is_retryable=True) from None

    def _look(self) -> tuple[str, float]:
        """The key of now, and for how many seconds it needs no other look; in the thread."""
        try:
            from botocore.credentials import RefreshableCredentials
            from botocore.exceptions import BotoCoreError, ClientError
            from botocore.parsers import ResponseParserError
        except ImportError:
            message = f"AWS credentials for {self._name} cannot be looked for: botocore is not installed."
            raise UpstreamMisconfigured(message, hint=f"pip install 'tollbar[aws]'; or {INSTEAD}.") from None
        known, last = self._found
        self._found = None, ""
        try:
            found = known or self._session().get_credentials()
            key = self._written(found)
        except (BotoCoreError, ClientError, ResponseParserError, *NONSENSE) as fault:
            if known is None or known.refresh_needed(0):
                raise self._told(fault) from None
            found, key = known, last
        if not isinstance(found, RefreshableCredentials):
            return key, LOOK_SECONDS  # and then all is looked at anew: nobody tells when a file is changed
        self._found = found, key
        return key, 0 if found.refresh_needed(LOOK_SECONDS) else LOOK_SECONDS

    def _session(self) -> "Session":
        """A chain that has looked nowhere yet."""
        from botocore.config import Config
        from botocore.session import Session

        session = Session()
        session.set_config_variable("region", self._region)
        if self._transport.ca_file is not None:
            session.set_config_variable("ca_bundle", str(self._transport.ca_file))
        proxy = self._transport.proxy
        config = Config(
            proxies=dict.fromkeys(("http", "https"), proxy) if proxy else {},  # and none of the environment's
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": ATTEMPTS},
        )
        session.set_default_client_config(config)
        return session

    def _written(self, found: "Credentials | None") -> str:
        if found is None:
            message = (
                f"No AWS credentials were found for {self._name}: neither of a profile in AWS's files, nor of a web "
                "identity, a container, or the role of this machine."
            )
            raise UpstreamMisconfigured(message, hint=f"Set AWS_PROFILE or give a role; or {INSTEAD}.")
        frozen = found.get_frozen_credentials()
        key = AccessKey(frozen.access_key or "", frozen.secret_key or "", frozen.token or "").written
        if key_fault(key) or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("what was found is no key")
        return key

    def _told(self, fault: Exception) -> UpstreamError:
        """A failure of the chain, without anything secret: what may pass, and what the operator has to see to."""
        from botocore.exceptions import ConnectionError as Unreachable
        from botocore.exceptions import HTTPClientError

        said = Peer(self._name).clean(f"{type(fault).__name__}: {fault}".rstrip("."))
        if isinstance(fault, HTTPClientError | Unreachable):
            message = f"The AWS credentials of {self._name} could not be had: {said}."
            return UpstreamFailed(message, is_retryable=True)
        message = f"The AWS credentials of {self._name} are of no use: {said}."
        return UpstreamMisconfigured(message, hint=f"Check {FOUND}; for single sign-on: aws sso login.")
