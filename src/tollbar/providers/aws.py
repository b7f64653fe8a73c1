"""Keys of Amazon's and what they sign: Signature Version 4.

A key is either one of Bedrock's own, which is sent as it is, or the id of an access key, its secret and perhaps the
token of a session, which sign each request and never leave here, but for the token. Reference: "Create a signed AWS API
request" of the IAM user guide; compared with its published test suite.
"""

import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

KEY_ID, SECRET, TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
"""Where the three parts of a key that signs are looked for."""
FOUND = "AWS_PROFILE, or the role of this machine or container"
"""Where a key comes from that was not set, for messages."""
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
ALGORITHM = "AWS4-HMAC-SHA256"
_REGION = re.compile(r"(?<![a-z0-9-])[a-z]{2}(?:-[a-z]+){1,3}-\d(?![a-z0-9-])")
_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_SEPARATOR = ":"


class AccessKey(NamedTuple):
    """A key that signs."""

    id: str
    secret: str
    token: str = ""

    @property
    def written(self) -> str:
        """The key as one word, which `access_key` reads."""
        return _SEPARATOR.join(self if self.token else self[:2])


def access_key(key: str) -> AccessKey | None:
    """The parts of a key that signs, `ID:SECRET` or `ID:SECRET:TOKEN`; None for one that is sent as it is."""
    parts = key.split(_SEPARATOR, 2)
    return AccessKey(*parts) if len(parts) > 1 else None


def key_fault(key: str) -> str:
    """What keeps a key from being used; empty when nothing does."""
    found = access_key(key)
    return "" if found is None or (found.id and found.secret) else f"has no {SECRET if found.id else KEY_ID}"


def region_fault(region: str) -> str:
    """What keeps a region from being one to sign for; empty when nothing does."""
    return "" if _REGION.fullmatch(region) else f"has no region: set {' or '.join(REGIONS)}"


def region_of(address: str, environment: Mapping[str, str]) -> str:
    """The region of an address, else that of the environment; empty where neither says one."""
    host = urlsplit(address).hostname or ""
    if host.endswith(_HOSTS) and (found := _REGION.search(host)):
        return found[0]
    return next((region for name in REGIONS if (region := environment.get(name, "").strip())), "")


class Signer:
    """Signs requests to one service in one region."""

    def __init__(self, key: AccessKey, region: str, service: str) -> None:
        self._key = key
        self._region = region
        self._service = service
        self._day = ""
        self._signing = b""

    def headers(self, method: str, url: str, body: bytes, now: datetime, signed: Mapping[str, str]) -> dict[str, str]:
        """The headers that prove a request; `signed` are those of its others that the proof is to cover."""
        parts = urlsplit(url)
        moment = now.strftime("%Y%m%dT%H%M%SZ")
        made = {"X-Amz-Date": moment}
        if self._key.token:
            made["X-Amz-Security-Token"] = self._key.token
        covered = {name.lower(): " ".join(value.split()) for name, value in {**signed, **made}.items()}
        covered["host"] = _host(url)
        names = ";".join(sorted(covered))
        lines = [f"{name}:{covered[name]}" for name in sorted(covered)]
        request = "\n".join(
            [method, _path(parts.path), _query(parts.query), *lines, "", names, sha256(body).hexdigest()]
        )
        scope = f"{moment[:8]}/{self._region}/{self._service}/aws4_request"
        text = "\n".join([ALGORITHM, moment, scope, sha256(request.encode()).hexdigest()])
        signature = hmac.new(self._signing_key(moment[:8]), text.encode(), sha256).hexdigest()
        credential = f"Credential={self._key.id}/{scope}"
        made["Authorization"] = f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
        return made

    def _signing_key(self, day: str) -> bytes:
        """The key of a day, which is the same for all its requests."""
        if day != self._day:
            key = f"AWS4{self._key.secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.new(key, part.encode(), sha256).digest()
            self._day, self._signing = day, key
        return self._signing


def _host(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return host if parts.port in (None, usual) else f"{host}:{parts.port}"


def _path(path: str) -> str:
    """The path, of which what is escaped is escaped once more, as all services but S3 want it."""
    return quote(path or "/", safe="/-_.~")


def _query(query: str) -> str:
    pairs = sorted((quote(n, safe="-_.~"), quote(v, safe="-_.~")) for n, v in parse_qsl(query, keep_blank_values=True))
    return "&".join(f"{name}={value}" for name, value in pairs)
