"""What addresses take is told in full."""

import pytest

from tollbar.edge.parameters import PARAMETERS


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_have_an_example(name: str) -> None:
    """Name, place, description and example."""
    assert {"name", "in", "required", "description", "schema", "example"} <= set(PARAMETERS[name])
