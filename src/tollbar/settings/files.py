"""The section on files that callers put at a provider."""

from tollbar.settings.fields import Section, setting


class Files(Section):
    """Files of `/v1/files`, which go on to a provider."""

    foreign: bool = setting(
        False,
        "Whether calls may name files that nobody put there through Tollbar: a dashboard's, a bucket's. They lie in "
        "the account that all keys share, so that every key may read all of them.",
    )

    max_bytes: int = setting(
        536_870_912, "The largest form with a file; it waits on this machine's disk.", unit="bytes", bounds=(1, None)
    )
