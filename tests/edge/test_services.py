"""What the handlers work with is one value, the same for every request."""

import dataclasses

import pytest

from tests.edge.stage import a_stage
from tollbar.edge.services import Services

pytestmark = pytest.mark.anyio


async def test_services_cannot_be_changed_by_a_handler() -> None:
    """A request cannot swap what the next one works with."""
    services = (await a_stage()).services
    with pytest.raises(dataclasses.FrozenInstanceError):
        services.version = "2"  # type: ignore[misc]


def test_no_service_has_a_default() -> None:
    """The composition root names each one: nothing is left out by accident."""
    assert [field.name for field in dataclasses.fields(Services) if field.default is not dataclasses.MISSING] == []
