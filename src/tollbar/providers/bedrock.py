"""Providers that speak Amazon Bedrock's Converse.

It knows no vendor: address, key and region come with the `Instance`; the model stands in the address of each call. No
caller speaks this wire, so every request is written anew and every answer heard as events; vectors alone are asked of
a model in its maker's own words. One attempt per call;
retries are the gateway's.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from tollbar.domain.catalogue import Call, Timeouts
from tollbar.domain.errand import Errand
from tollbar.domain.errors import InvalidValue, UpstreamFailed, UpstreamRejected
from tollbar.domain.events import StreamEvent
from tollbar.ports.clock import Clock
from tollbar.providers.aws import Signer, access_key
from tollbar.providers.errands import carried, telling
from tollbar.providers.faults import Peer
from tollbar.providers.translated import Translated
from tollbar.providers.transport import Answer, Transport, endpoint
from tollbar.providers.transport.pool import Endpoint
from tollbar.providers.vendors import Instance
from tollbar.wire.bedrock.asking import asking
from tollbar.wire.bedrock.embedding import asking_embedding, hear_embedding
from tollbar.wire.bedrock.hearing import Hearing
from tollbar.wire.forwarded import unspoken

MOST_MODELS = 10_000
MOST_REMEMBERED = 256
SERVICE = "bedrock"
ACCEPT = "application/json, application/vnd.amazon.eventstream"
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,2047}")
_SIGNED = {"Content-Type": "application/json"}
_ON_DEMAND = "ON_DEMAND"


class _Doors(NamedTuple):
    """The addresses of a model."""

    whole: Endpoint
    stream: Endpoint
    invoke: Endpoint


class BedrockProvider:
    """`ports.Provider` over Bedrock's wire."""

    def __init__(self, instance: Instance, transport: Transport, clock: Clock) -> None:
        key = access_key(instance.api_key)
        self._instance = instance
        self._peer = Peer(instance.name, instance.credential, (key.token or key.secret) if key else instance.api_key)
        self._signer = Signer(key, instance.region, SERVICE) if key is not None else None
        self._doors: dict[str, _Doors] = {}
        self._transport = transport
        self._clock = clock
        lists = instance.base_url.replace("://bedrock-runtime.", "://bedrock.", 1)
        self._models = self._endpoint(f"{lists}/foundation-models")
        self._profiles = self._endpoint(f"{lists}/inference-profiles", "maxResults=1000")

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """The answer as events; see the port."""
        request, target = call.request, call.target
        if request.errand is not None:
            return self._run(call, request.errand)
        body, dropped = asking(request, target.model, target.max_output_tokens)
        doors = self._of(target.model)
        answer = self._send(doors.stream if request.stream else doors.whole, body, call)
        return Translated(answer, Hearing(request.stream), request.stream, dropped)

    def _run(self, call: Call, errand: Errand) -> Translated:
        """Vectors, as the model's maker has them; no other errand is run."""
        model, embedding = call.target.model, errand.embedding
        if embedding is None:
            unspoken(errand.path)
        texts = embedding.texts()
        body, dropped = asking_embedding(texts, model)
        hear = telling(embedding, partial(hear_embedding, model), len(texts.inputs))
        return carried(self._send(self._of(model).invoke, body, call), hear, dropped)

    async def models(self) -> Sequence[str]:
        """The names of the models that can be called as they are, and of the profiles that lead to others."""
        models = await self._listed(self._models, "modelSummaries")
        profiles = await self._listed(self._profiles, "inferenceProfileSummaries")
        names = [one.get("modelId") for one in models if _is_callable(one)]
        names += [one.get("inferenceProfileId") for one in profiles]
        return tuple(name for name in names if isinstance(name, str) and _MODEL.fullmatch(name))

    async def _listed(self, to: Endpoint, member: str) -> list[Mapping[str, Any]]:
        """The entries of a list; none where there is no such address."""
        try:
            async with self._transport.get(to, Timeouts()) as answer:
                document: Any = msgspec.json.decode(await answer.read())
        except UpstreamRejected as fault:
            if fault.upstream_status in {404, 405}:
                return []
            raise
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            document = None
        entries = document.get(member) if isinstance(document, dict) else None
        if not isinstance(entries, list):
            message = f"{self._peer.name} answered with something that is no list of models."
            raise UpstreamFailed(message, is_retryable=True)
        return [entry for entry in entries[:MOST_MODELS] if isinstance(entry, dict)]

    def _send(self, to: Endpoint, body: bytes, call: Call) -> Answer:
        seconds_left = call.deadline - self._clock.monotonic()
        return self._transport.post(to, body, call.target.timeouts, call.request.stream, seconds_left, call.bound)

    def _of(self, model: str) -> _Doors:
        """Where a model is called; raises InvalidValue for a name that would lead elsewhere."""
        known = self._doors.get(model)
        if known is not None:
            return known
        if not _MODEL.fullmatch(model) or ".." in model:
            raise InvalidValue(f"{model[:100]!r} cannot be the name of a model of Bedrock's.", field="model")
        url = f"{self._instance.base_url}/model/{quote(model, safe=':')}"
        doors = _Doors(*(self._endpoint(f"{url}/{method}") for method in ("converse", "converse-stream", "invoke")))
        if len(self._doors) >= MOST_REMEMBERED:  # names come from callers, too
            self._doors.clear()
        self._doors[model] = doors
        return doors

    def _endpoint(self, url: str, query: str = "") -> Endpoint:
        made = endpoint(self._peer, url, {"Accept": ACCEPT, **self._instance.headers}, query)
        return made if self._signer is None else replace(made, sign=self._sign)

    def _sign(self, method: str, url: str, body: bytes) -> Mapping[str, str]:
        if self._signer is None:
            return {}
        return self._signer.headers(method, url, body, self._clock.now(), _SIGNED)


def _is_callable(model: Mapping[str, Any]) -> bool:
    """Whether a model can be called by its own name, as far as that is told."""
    kinds = model.get("inferenceTypesSupported")
    return not isinstance(kinds, list) or _ON_DEMAND in kinds
