"""The shapes of teams."""

from datetime import UTC, datetime

from tollbar.domain.teams import Team
from tollbar.edge.team_schemas import TeamView


def test_a_team_that_lists_no_models_may_use_all() -> None:
    """Which is told as the star that people write."""
    team = Team("team_a", "lab", datetime(2026, 1, 1, tzinfo=UTC))
    assert TeamView.of(team).models == ["*"]
