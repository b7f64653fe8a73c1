"""The section that says where models for this machine come from."""

from tollbar.settings.fields import SecretText, Section, WebAddress, setting


class Hub(Section):
    """Where models for this machine come from: Hugging Face, or what speaks its protocol."""

    endpoint: WebAddress = setting(
        "https://huggingface.co", "The hub's address, or a mirror's.", environment=("HF_ENDPOINT",)
    )
    token: SecretText | None = setting(
        None,
        "A token of the hub, for repositories that are private or want their terms accepted.",
        environment=("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
    )
    offline: bool = setting(False, "Fetch nothing; models that are here still run.", environment=("HF_HUB_OFFLINE",))
