"""Targets and catalogues as values."""

from tollbar.domain.catalogue import Catalogue, Model, Target, Timeouts


def test_a_target_is_named_by_its_provider_and_model() -> None:
    """A model's own name may hold slashes."""
    assert Target("main", "org/model").name == "main/org/model"


def test_time_outs_are_those_of_the_dialect_endpoints() -> None:
    """Connect 10, write 10, first byte 300 or 600, between bytes 120, in all an hour."""
    assert (
        Timeouts().connect,
        Timeouts().write,
        Timeouts().first_byte_stream,
        Timeouts().first_byte_plain,
        Timeouts().between_bytes,
        Timeouts().total,
    ) == (10, 10, 300, 600, 120, 3_600)


def test_a_model_is_tried_three_times_by_default() -> None:
    """The default number of attempts per call, and a price that is the tier's own."""
    model = Model("smart", (Target("main", "m"),))
    assert (model.attempts, model.multiplier) == (3, 1)


def test_an_empty_catalogue_serves_nothing_by_surprise() -> None:
    """No aliases, no open providers, no families unless the operator says so."""
    catalogue = Catalogue({})
    assert (catalogue.aliases, catalogue.open_providers, catalogue.families) == ({}, {}, ())
    assert catalogue.attempts == 3
