"""Tollbar: an LLM gateway that answers, meters and survives."""

__version__ = "0.1.0"
