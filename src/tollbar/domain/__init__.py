"""Plain values that every layer speaks of: standard library only, no input or output, no clock.

All are immutable. Those that every call makes anew are named tuples, since a frozen dataclass sets each field by itself
at several times the cost; the others are frozen dataclasses.
"""
