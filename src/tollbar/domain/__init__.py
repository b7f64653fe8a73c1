"""Plain values that every layer speaks of: standard library only, no input or output, no clock."""
