"""The section on end users."""

from tollbar.settings.fields import Section, setting


class EndUsers(Section):
    """The people for whom a key's holder calls, where a key or a team tells them apart."""

    most: int = setting(
        10_000,
        "How many a key or a team may have; a call that names another one is refused.",
        bounds=(1, None),
    )
