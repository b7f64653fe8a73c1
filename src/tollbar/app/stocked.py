"""Lays the models that were pulled over what the settings offer.

A pulled model is called by its own name, unless the settings use that for something else, by the other names that
people know it by, and as `local/NAME`. Where no default local model was set, the first pulled one is it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tollbar.app.catalogue import Offer, local_target
from tollbar.domain.catalogue import Model, Target
from tollbar.domain.errors import UnknownModel
from tollbar.domain.local_models import LocalModel
from tollbar.settings import LOCAL, Settings


def stocked(base: Offer, settings: Settings, models: Sequence[LocalModel]) -> Offer:
    """The offer with these models, of which the first was pulled first; the same where a provider is called `local`."""
    catalogue, attempts = base.catalogue, settings.retries.attempts
    if LOCAL in base.instances:
        clash = f"The provider {LOCAL!r} of your settings hides the models that were pulled: give it another name."
        return replace(base, warnings=(*base.warnings, clash)) if models else base
    targets = {model.name: local_target(settings, model.name, model.context_tokens) for model in models}
    taken = catalogue.models.keys() | settings.models.keys()
    named = {
        name: Model(name, (target,), attempts=attempts, owned_by=LOCAL)
        for name, target in targets.items()
        if name not in taken
    }
    aliases = {alias: model.name for model in models for alias in model.aliases if model.name in named}
    chatting = [model.name for model in models if model.kind == "chat"]
    is_set = "default_local_model" in settings.origins
    local = catalogue.default_local_model if is_set or not chatting else f"{LOCAL}/{chatting[0]}"
    made = replace(
        catalogue,
        models={**catalogue.models, **named},
        aliases={**{alias: name for alias, name in aliases.items() if alias not in taken}, **catalogue.aliases},
        open_providers={**catalogue.open_providers, LOCAL: _Pulled(targets).find},
        default_local_model=local.removeprefix(f"{LOCAL}/") if local.removeprefix(f"{LOCAL}/") in named else local,
    )
    others = [model for model in base.listed if model.name not in named]
    missing = [name for name in settings.local.preload if name not in targets]
    warnings = tuple(f"local.preload names {name!r}, which was not pulled: tollbar pull {name}." for name in missing)
    return replace(base, catalogue=made, listed=(*others, *named.values()), warnings=(*base.warnings, *warnings))


class _Pulled:
    """The targets of the models that were pulled."""

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self._targets = targets

    def find(self, name: str) -> Target:
        """The target of a model; raises UnknownModel."""
        target = self._targets.get(name)
        if target is None:
            raise UnknownModel(
                f"The model {name[:100]!r} is not on this machine.",
                hint=f"Pull it: tollbar pull {name[:100]}." if name.isprintable() else "",
                field="model",
            )
        return target
