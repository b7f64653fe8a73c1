"""A desk for each test of the use cases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.admin.desk import Desk, opened


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk over a fresh store."""
    async with opened(tmp_path) as made:
        yield made
