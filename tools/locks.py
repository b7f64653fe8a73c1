"""What each lock file of `requirements/` is compiled from: data, for `dev.py lock`."""

from collections.abc import Mapping

# What each lock file is compiled from. The later ones follow the versions of the earlier.
LOCKS: Mapping[str, tuple[str, ...]] = {
    "run.txt": ("pyproject.toml",),
    "scale.txt": ("pyproject.toml", "--extra", "postgres", "--extra", "redis", "--extra", "local", "--extra", "aws"),
    "build.txt": ("--group", "build"),
    "dev.txt": (
        *("pyproject.toml", "--extra", "local", "--extra", "postgres", "--extra", "redis", "--extra", "aws"),
        *("--group", "lint", "--group", "test", "--group", "bench"),
    ),
    "load.txt": ("--group", "load"),
    "profile.txt": ("--group", "profile"),
    # PyTorch itself is in torch.txt, by hand: its builds for processors alone are in no index that all know.
    "transformers.txt": ("--group", "transformers", "--no-emit-package", "torch"),
}
