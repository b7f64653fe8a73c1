"""The section that says how models of this machine are run."""

from tollbar.settings.fields import Names, Section, setting


class Local(Section):
    """Engines for the models that were pulled."""

    memory_mib: int = setting(
        0,
        "What the models that run may take together; one that does not fit makes those go that nobody uses. 0 means "
        "three quarters of the machine's memory.",
        unit="MiB",
        bounds=(0, None),
    )
    context_tokens: int = setting(
        4_096,
        "How long one call may be, prompt and answer together, as far as the model was made for that. It takes memory.",
        unit="tokens",
        bounds=(64, None),
    )
    parallel: int = setting(4, "How many calls a model answers at once. Each takes memory.", bounds=(1, 64))
    replicas: int = setting(
        1,
        "How many engines run each model, each with memory of its own. A call goes to the one that has read the "
        "beginning of its conversation, unless many wait there.",
        bounds=(1, 64),
    )
    threads: int = setting(0, "The threads that an engine computes with; 0 means one for each core.", bounds=(0, 1_024))
    queue: int = setting(64, "How many calls may wait for a model; others are told to come back.", bounds=(0, 100_000))
    idle_seconds: float = setting(
        600.0, "How long a model that nobody calls stays loaded; 0 means for ever.", unit="seconds", bounds=(0, None)
    )
    start_seconds: float = setting(300.0, "How long loading a model may take.", unit="seconds", bounds=(0.1, None))
    preload: Names = setting((), "The models that are loaded at the start, and again if they crash.")
