"""Safetensors models: `transformers serve` in a process of its own, with what it lacks put before and around it."""
