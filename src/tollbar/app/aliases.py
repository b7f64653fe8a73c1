"""Names that editors and older clients ask for by habit: without a settings file they mean the default model.

Source: OpenAI's pages of models and of deprecations, https://platform.openai.com/docs/deprecations: the chat models of
the GPT-3.5 and GPT-4 generations, which OpenAI calls legacy or has shut down.
"""

from collections.abc import Mapping, Sequence

LEGACY_NAMES = (
    "gpt-3.5-turbo",
    "gpt-3.5-turbo-0125",
    "gpt-3.5-turbo-0301",
    "gpt-3.5-turbo-0613",
    "gpt-3.5-turbo-1106",
    "gpt-3.5-turbo-16k",
    "gpt-3.5-turbo-16k-0613",
    "gpt-4",
    "gpt-4-0125-preview",
    "gpt-4-0314",
    "gpt-4-0613",
    "gpt-4-1106-preview",
    "gpt-4-1106-vision-preview",
    "gpt-4-32k",
    "gpt-4-32k-0314",
    "gpt-4-32k-0613",
    "gpt-4-turbo",
    "gpt-4-turbo-2024-04-09",
    "gpt-4-turbo-preview",
    "gpt-4-vision-preview",
    "gpt-4.5-preview",
    "gpt-4.5-preview-2025-02-27",
)


def legacy_aliases(default_model: str, families: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """The names as aliases of the default model, but for those that a configured provider serves itself."""
    served = tuple(prefix for prefix, _ in families)
    return {name: default_model for name in LEGACY_NAMES if name != default_model and not name.startswith(served)}
