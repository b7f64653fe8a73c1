"""The command line: a thin face of `admin` and of the composition root, for people, and with --json for programs."""
