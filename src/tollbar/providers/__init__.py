"""Driven adapters to language models: a file per wire protocol, a row per vendor."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a look at the vendors must not cost the import of an HTTP client
    from tollbar.ports.clock import Clock
    from tollbar.ports.providers import Provider
    from tollbar.providers.transport import Transport
    from tollbar.providers.vendors import Instance


FILES = "files"
"""What of a vendor's `also` says that callers may have files there."""
NO_WIRES = frozenset({FILES, "predict"})
"""What of a vendor's `also` is no wire."""


def connect(instance: "Instance", transport: "Transport", clock: "Clock") -> "Provider":
    """The provider that speaks an instance's wires; raises ValueError when nobody speaks its usual one yet."""
    if instance.vendor.auth == "google_oauth":
        return _of_google(instance, transport, clock)
    if instance.finds_key:
        return _of_aws(instance, transport, clock)
    if instance.vendor.deployments:
        return _of_deployments(instance, transport, clock)
    usual = _speaking(instance.vendor.wire, instance, transport, clock)
    others = [wire for wire in instance.vendor.also if wire not in NO_WIRES]
    if not others:
        return usual
    from tollbar.providers.several import SeveralWires

    return SeveralWires(usual, {wire: _speaking(wire, instance, transport, clock) for wire in others})


def _speaking(wire: str, instance: "Instance", transport: "Transport", clock: "Clock") -> "Provider":
    match wire:
        case "openai":
            from tollbar.providers.openai import OpenAIProvider

            return OpenAIProvider(instance, transport, clock)
        case "ollama":
            from tollbar.providers.ollama import OllamaProvider

            return OllamaProvider(instance, transport, clock)
        case "anthropic":
            from tollbar.providers.anthropic import AnthropicProvider

            return AnthropicProvider(instance, transport, clock)
        case "gemini":
            from tollbar.providers.gemini import GeminiProvider

            return GeminiProvider(instance, transport, clock)
        case "responses":
            from tollbar.providers.responses import ResponsesProvider

            return ResponsesProvider(instance, transport, clock)
        case "completions":
            from tollbar.providers.completions import CompletionsProvider

            return CompletionsProvider(instance, transport, clock)
        case "bedrock":
            from tollbar.providers.bedrock import BedrockProvider

            return BedrockProvider(instance, transport, clock)
    raise ValueError(f"{instance.name}: its wire is not served")


def _of_deployments(instance: "Instance", transport: "Transport", clock: "Clock") -> "Provider":
    """A provider whose models each have an address of their own."""
    from tollbar.providers.azure import Deployments

    vendor = replace(instance.vendor, deployments=False)

    def make(name: str) -> "Provider":
        address = f"{instance.base_url}/deployments/{name}"
        return connect(replace(instance, vendor=vendor, base_url=address), transport, clock)

    return Deployments(make)


def _of_google(instance: "Instance", transport: "Transport", clock: "Clock") -> "Provider":
    """A provider on Google Cloud: its key is the path of a file of credentials, which tokens are had for."""
    from tollbar.providers.authorized import Authorized
    from tollbar.providers.google_tokens import GoogleTokens

    def make(token: str) -> "Provider":
        vendor = replace(instance.vendor, auth="bearer")
        return connect(replace(instance, vendor=vendor, api_key=token), transport, clock)

    return Authorized(GoogleTokens(instance.name, Path(instance.api_key), transport, clock), make)


def _of_aws(instance: "Instance", transport: "Transport", clock: "Clock") -> "Provider":
    """A provider on AWS that was given no key: it signs with those that AWS's own tools would find."""
    from tollbar.providers.authorized import Authorized
    from tollbar.providers.aws_keys import AwsKeys

    def make(key: str) -> "Provider":
        vendor = replace(instance.vendor, key_env=())  # so that it looks for none, also before there is one
        return connect(replace(instance, vendor=vendor, api_key=key), transport, clock)

    return Authorized(AwsKeys(instance.name, instance.region, transport, clock), make)
