"""Where rates and concurrency are counted: one adapter of the `Counters` port per file."""
