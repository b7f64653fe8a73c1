"""Codecs of the public dialects: bytes in, domain values out, and back. No input or output, no clock."""
