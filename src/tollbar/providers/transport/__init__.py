"""The one door to providers: pooled connections, time-outs, bytes as they arrive, failures as our own errors."""

from tollbar.providers.transport.answer import Answer
from tollbar.providers.transport.pool import Endpoint, Transport, endpoint

__all__ = ["Answer", "Endpoint", "Transport", "endpoint"]
