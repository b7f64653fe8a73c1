"""(model name, principal, catalogue, health) → Plan. Pure: it calls nobody and changes nothing, so it can be explained.

Most addresses mean the model that a request names; a `Pin` says which one an address means instead. A name is, in this
order: an alias, a configured model, `provider/model` of an open provider, or a bare name of a family that an open
provider owns. Any other name is refused: nothing is ever served by surprise.
"""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum
from fnmatch import fnmatchcase
from itertools import chain, islice

from tollbar.domain.catalogue import Catalogue, Model, Plan, Target
from tollbar.domain.errors import InvalidModel, InvalidValue, NotAllowed, UnknownModel
from tollbar.domain.identity import Principal
from tollbar.domain.redaction import holds_key

MAX_NAME = 256
# Looking for the nearest name costs some 15 µs a name: enough to help, too little to be used against us.
MOST_COMPARED = 200
MOST_ALLOWED_TOLD = 100
LONGEST_COMPARED = 64
KEY_HINT = "A key goes into the header 'Authorization: Bearer KEY'; GET /v1/models lists the models."
FIELDS = {"tools": "tools", "json_schema": "response_format", "logprobs": "logprobs"}
"""Which field of a request asks for a capability; every other is asked for by a part of its messages."""


class Pin(Enum):
    """Which model an address means."""

    NAMED = "named"
    """The one that the request names."""
    LISTED = "listed"
    """The same, where a name that the key cannot call is a fault of the address: `InvalidModel`."""
    DEFAULT = "default"
    LOCAL = "local"
    """The default local model."""
    DEFAULT_OR_LOCAL = "default or local"
    """The default model and, when that is not to be had, the default local one."""


def resolve(
    name: str,
    features: frozenset[str],
    principal: Principal,
    catalogue: Catalogue,
    is_up: Callable[[Target], bool],
    pin: Pin = Pin.NAMED,
) -> Plan:
    """The targets that will be tried, in order, and why.

    Raises UnknownModel, NotAllowed or InvalidValue; with `Pin.LISTED` InvalidModel in the place of the first two.
    """
    model = _permitted(name, principal, catalogue) if pin is Pin.NAMED else _meant(pin, name, principal, catalogue)
    spare = _spare(model, principal, catalogue) if pin is Pin.DEFAULT_OR_LOCAL else ()
    targets, skipped = _capable((*model.targets, *spare) if spare else model.targets, features)
    up: list[Target] = []
    down: list[Target] = []
    for target in targets:
        (up if is_up(target) else down).append(target)
    if up and down:
        skipped += tuple((target.name, "its circuit is open: it failed too often just now") for target in down)
    plan = Plan(model, tuple(up or down), _reason(model, up, down), skipped)
    return _with_room(plan, spare) if spare else plan


def find(name: str, catalogue: Catalogue) -> Model:
    """The model that a name stands for; raises UnknownModel with the nearest names."""
    name = catalogue.aliases.get(name, name)
    model = catalogue.models.get(name)
    if model is not None:
        return model
    if holds_key(name):  # it would be sent to a vendor, and be found in the ledger
        raise UnknownModel("What the request names as its model looks like an API key.", hint=KEY_HINT, field="model")
    if len(name) <= MAX_NAME and name.isprintable():
        provider, slash, rest = name.partition("/")
        make = catalogue.open_providers.get(provider)
        if slash and rest and make is not None:
            return Model(name, (make(rest),), owned_by=provider, attempts=catalogue.attempts)
        for prefix, owner in catalogue.families:
            if name.startswith(prefix):
                target = catalogue.open_providers[owner](name)
                return Model(name, (target,), owned_by=owner, attempts=catalogue.attempts)
    raise UnknownModel(
        f"The model {name[:100]!r} is not configured here.",
        hint=_remedy(name[:MAX_NAME], catalogue),
        field="model",
    )


def _permitted(name: str, principal: Principal, catalogue: Catalogue) -> Model:
    model = find(name, catalogue)
    for whose, allowed in (("key", principal.models), ("key's team", principal.team.models if principal.team else ())):
        if allowed and not permits(allowed, name) and not permits(allowed, model.name):
            raise NotAllowed(
                f"This API {whose} may not use the model {name[:100]!r}.",
                hint=f"It may use: {', '.join(allowed[:20])}.",
                field="model",
            )
    return model


def _meant(pin: Pin, name: str, principal: Principal, catalogue: Catalogue) -> Model:
    """The model of an address that does not simply mean the one named."""
    match pin:
        case Pin.LISTED:
            try:
                return _permitted(name, principal, catalogue)
            except (UnknownModel, NotAllowed):
                allowed = principal.models or tuple(catalogue.models)
                details = {"allowed": list(allowed[:MOST_ALLOWED_TOLD])}
                raise InvalidModel("Invalid model name", field="model_name", details=details) from None
        case Pin.LOCAL:
            return _at_home(_permitted(catalogue.default_local_model, principal, catalogue))
        case _:
            return _permitted(catalogue.default_model, principal, catalogue)


def _at_home(model: Model) -> Model:
    """The model with its local targets alone; one that has none was called local by the operator, and is believed."""
    local = tuple(target for target in model.targets if target.is_local)
    return replace(model, targets=local) if local and len(local) < len(model.targets) else model


def _spare(model: Model, principal: Principal, catalogue: Catalogue) -> tuple[Target, ...]:
    """The targets of the default local model that a call may fall back to; none that the key may not use."""
    try:
        local = _at_home(_permitted(catalogue.default_local_model, principal, catalogue))
    except (UnknownModel, NotAllowed):
        return ()
    named = {target.name for target in model.targets}
    return tuple(target for target in local.targets if target.name not in named)


def _with_room(plan: Plan, spare: Sequence[Target]) -> Plan:
    """The plan with one attempt kept for the local model: what stands before it may not use them all up.

    Where one attempt is all there is, the local model's comes on top: `attempts: 1` says that nothing is to be tried
    again, not that the address is to lose the model that it falls back to.
    """
    local = [target for target in plan.targets if target in spare]
    first = [target for target in plan.targets if target not in spare]
    if not local or not first:
        return plan
    model = plan.model if plan.model.attempts > 1 else replace(plan.model, attempts=2)
    most = model.attempts - 1
    skipped = tuple((target.name, "an attempt is kept for the local model") for target in first[most:])
    reason = f"{plan.reason}; then the local model"
    return Plan(model, (*first[:most], *local), reason=reason, skipped=plan.skipped + skipped)


def may_use(principal: Principal, *names: str) -> bool:
    """Whether a key, and its team, may use a model that goes by one of these names."""
    lists = (principal.models, principal.team.models if principal.team else ())
    return all(not allowed or any(permits(allowed, name) for name in names) for allowed in lists)


def permits(allowed: Sequence[str], name: str) -> bool:
    """Whether one of the allowed names, which may hold `*`, is this name."""
    return name in allowed or any("*" in pattern and fnmatchcase(name, pattern) for pattern in allowed)


def _capable(targets: Sequence[Target], features: frozenset[str]) -> tuple[list[Target], tuple[tuple[str, str], ...]]:
    """The targets that can carry what the request holds; only if none can is that the caller's fault."""
    capable: list[Target] = []
    skipped: list[tuple[str, str]] = []
    for target in targets:
        missing = features - target.supports if target.supports is not None else frozenset()
        if missing:
            skipped.append((target.name, f"it does not support {', '.join(sorted(missing))}"))
        else:
            capable.append(target)
    if not capable:
        text = "; ".join(f"{name}: {reason}" for name, reason in skipped)
        missing = min(features - (targets[0].supports or frozenset()))
        field = FIELDS.get(missing, "messages")
        raise InvalidValue(f"No target of this model can carry the request: {text}.", field=field)
    return capable, tuple(skipped)


def _reason(model: Model, up: Sequence[Target], down: Sequence[Target]) -> str:
    if not up:
        return "every target's circuit is open; they are tried all the same, in the configured order"
    order = "the only target" if len(model.targets) == 1 else "the configured order"
    return f"{order}, those with an open circuit left out" if down else order


def _remedy(name: str, catalogue: Catalogue) -> str:
    for beginning, variable in catalogue.keyless.items():
        if name.startswith(beginning):
            return f"For a model of that vendor, set {variable} where Tollbar runs, and start it again."
    names = islice(chain(catalogue.models, catalogue.aliases), MOST_COMPARED)
    near = difflib.get_close_matches(name[:LONGEST_COMPARED], names, n=3, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(near)}? GET /v1/models lists all."
    return "GET /v1/models lists the models that are."
