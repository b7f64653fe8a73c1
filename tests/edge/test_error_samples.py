"""Each error that a caller can be told has its example."""

from collections.abc import Iterator

from tollbar.domain.errors import GatewayError, StreamBroken
from tollbar.edge.error_samples import SAMPLES


def leaves(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    """Every error that is raised as itself."""
    below = kind.__subclasses__()
    yield from (leaf for child in below for leaf in leaves(child))
    if not below:
        yield kind


def test_every_error_of_the_tree_has_an_example_or_a_reason() -> None:
    """A new error is documented, or told only in streams, or where no address is found."""
    own = {kind for kind in leaves(GatewayError) if kind.__module__ == "tollbar.domain.errors"}
    told_elsewhere = {"StreamBroken", "MethodNotAllowed", "NotServed", "AddressTooLong", "HeadTooLarge"}
    assert {kind.__name__ for kind in own - set(SAMPLES)} == told_elsewhere


def test_examples_show_no_secret_and_no_internal_address() -> None:
    """Examples are read by everybody."""
    text = " ".join(f"{sample.text} {dict(sample.details)}" for sample in SAMPLES.values())
    assert "sk-" not in text
    assert "://" not in text
    assert StreamBroken not in SAMPLES
