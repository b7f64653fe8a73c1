"""Driven adapters to language models: a file per wire protocol, a row per vendor."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a look at the vendors must not cost the import of an HTTP client
    from tollbar.ports import Clock, Provider
    from tollbar.providers.transport import Transport
    from tollbar.providers.vendors import Instance


def connect(instance: "Instance", transport: "Transport", clock: "Clock") -> "Provider":
    """The provider that speaks an instance's wire; raises ValueError when none does yet."""
    match instance.vendor.wire:
        case "openai":
            from tollbar.providers.openai import OpenAIProvider

            return OpenAIProvider(instance, transport, clock)
        case "ollama":
            from tollbar.providers.ollama import OllamaProvider

            return OllamaProvider(instance, transport, clock)
    raise ValueError(f"{instance.name}: {instance.vendor.reason or 'its wire is not served'}")
