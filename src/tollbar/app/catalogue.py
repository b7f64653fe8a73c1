"""What can be called, made of the settings, the vendors' table and the servers found on this machine.

With models in the file, these are what is served and nothing else. Without, every configured provider serves its own
models as `provider/model`, a vendor's well-known names also bare, and the guide answers where there is nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from functools import partial

from tollbar.app.aliases import legacy_aliases
from tollbar.domain.catalogue import Catalogue, Model, Target, Timeouts
from tollbar.domain.errors import UnknownModel
from tollbar.domain.money import FREE, PICO_PER_DOLLAR, PICO_PER_DOLLAR_PER_MILLION, PriceCard, Rate
from tollbar.gateway.resolve import find
from tollbar.providers import vendors as table
from tollbar.providers.discovery import LocalServer
from tollbar.providers.prices import Prices, whole
from tollbar.providers.vendors import Instance, Vendor
from tollbar.settings import Settings
from tollbar.settings.offers import Model as ModelSetting
from tollbar.settings.offers import Price
from tollbar.settings.sections import TimeoutOverrides
from tollbar.settings.values import GUIDE, LOCAL

GUIDE_PROVIDER = "tollbar"
ENVIRONMENT_PROVIDER = "llm"
CONFIGURED_PRICE = "tollbar.yaml"
LOCAL_SUPPORTS = frozenset({"tools", "json_schema", "logprobs"})
GUIDE_CONTEXT_TOKENS = 131_072
GUIDE_OUTPUT_TOKENS = 1_024


@dataclass(frozen=True, slots=True)
class Offer:
    """A catalogue with the instances its targets name.

    `listed` are the models to show: those of the catalogue, and those that open servers of this machine named when they
    were found. `warnings` say, as sentences, what was configured in vain.
    """

    catalogue: Catalogue
    instances: Mapping[str, Instance]
    listed: tuple[Model, ...]
    warnings: tuple[str, ...] = ()


def offer(settings: Settings, vendors: Mapping[str, Vendor], found: Sequence[LocalServer], prices: Prices) -> Offer:
    """What the settings offer, with the servers that were found on this machine; raises VendorFaults."""
    environment = {name: secret.reveal() for name, secret in settings.secrets.items()}
    instances, warnings = _instances(settings, vendors, found, environment)
    shop = _Shop(settings, instances, prices)
    attempts = settings.retries.attempts
    models = {GUIDE: Model(GUIDE, (guide_target(),), attempts=attempts, owned_by=GUIDE_PROVIDER)}
    models |= {name: shop.model(name, model) for name, model in settings.models.items() if model.alias is None}
    families = tuple(_families(instances))
    default_model = _default_model(settings, instances)
    aliases = _aliases(settings) if settings.config_file else legacy_aliases(default_model, families)
    catalogue = Catalogue(
        models=models,
        aliases=aliases,
        open_providers={name: partial(shop.named, name) for name in instances},
        families=families,
        keyless=dict(_keyless(vendors, instances)),
        default_model=default_model,
        default_local_model=settings.default_local_model,
        attempts=attempts,
    )
    if settings.models:
        models |= _named_elsewhere(catalogue)
        catalogue = replace(catalogue, models=models, open_providers={}, families=(), keyless={})
        return Offer(catalogue, instances, tuple(models.values()), warnings)
    listed = {model.name: model for model in (*models.values(), *_models_of(found, instances, catalogue))}
    with suppress(UnknownModel):  # what calls without a name go to, so that an editor that looks for models finds it
        listed.setdefault(catalogue.default_model, find(catalogue.default_model, catalogue))
    return Offer(catalogue, instances, tuple(listed.values()), warnings)


def _named_elsewhere(catalogue: Catalogue) -> Mapping[str, Model]:
    """The default models and the goals of aliases that the file does not declare: served, since they were named."""
    named = {catalogue.default_model, catalogue.default_local_model, *catalogue.aliases.values()}
    named -= catalogue.models.keys() | catalogue.aliases.keys()
    named = {name for name in named if not name.startswith(f"{LOCAL}/")}  # it may be pulled at any time
    try:
        return {name: find(name, catalogue) for name in sorted(named)}
    except UnknownModel as fault:
        raise table.VendorFaults([f"{fault.message} It is a default model, or an alias leads to it."]) from None


def _aliases(settings: Settings) -> Mapping[str, str]:
    """Each alias with the model at the end of its chain, which is no circle: the settings were checked for that."""
    aliases = {name: model.alias for name, model in settings.models.items() if model.alias is not None}
    for name, goal in aliases.items():
        while goal in aliases:
            goal = aliases[goal]
        aliases[name] = goal
    return aliases


def guide_target() -> Target:
    """The built-in guide, as a target: local and free."""
    return Target(
        GUIDE_PROVIDER,
        GUIDE,
        card=FREE,
        context_tokens=GUIDE_CONTEXT_TOKENS,
        max_output_tokens=GUIDE_OUTPUT_TOKENS,
        supports=frozenset({"tools"}),  # they may be offered: it never calls one
        is_local=True,
    )


def local_target(settings: Settings, model: str, made_for: int | None, declared: ModelSetting | None = None) -> Target:
    """A model that was pulled, or may be, as a target: on this machine and free. It was made for so long a context."""
    context = min(settings.local.context_tokens, made_for or settings.local.context_tokens)
    return Target(
        LOCAL,
        model,
        card=_card(declared) or FREE,
        context_tokens=(declared.context if declared else None) or context,
        max_output_tokens=declared.max_output if declared else None,
        supports=LOCAL_SUPPORTS,
        is_local=True,
        timeouts=_timeouts(settings, [declared.timeouts] if declared else []),
    )


def _families(instances: Mapping[str, Instance]) -> Iterator[tuple[str, str]]:
    for name, instance in instances.items():
        for family in instance.vendor.families:
            yield family, name


def _keyless(vendors: Mapping[str, Vendor], instances: Mapping[str, Instance]) -> Iterator[tuple[str, str]]:
    """The beginnings of the names of vendors that only want a key, each with the variable that would hold it."""
    for name, vendor in vendors.items():
        if vendor.needs_key and name not in instances:
            for beginning in (f"{name}/", *vendor.families):
                yield beginning, vendor.key_env[0]


def _models_of(
    found: Sequence[LocalServer], instances: Mapping[str, Instance], catalogue: Catalogue
) -> Iterator[Model]:
    """The models of the servers that were found, unless a provider of the same name stands elsewhere."""
    for server in found:
        if instances[server.instance.name] is server.instance:
            yield from (find(f"{server.instance.name}/{name}", catalogue) for name in server.models)


class _Shop:
    """Makes targets: knows the instances, what their models cost, and how long each may take."""

    def __init__(self, settings: Settings, instances: Mapping[str, Instance], prices: Prices) -> None:
        self._settings = settings
        self._instances = instances
        self._prices = prices

    def model(self, name: str, declared: ModelSetting) -> Model:
        """A model of the file."""
        return Model(
            name=name,
            targets=tuple(self.target(target, declared) for target in declared.targets),
            strategy=declared.strategy,
            multiplier=Decimal(declared.multiplier),
            attempts=declared.attempts or self._settings.retries.attempts,
        )

    def target(self, text: str, declared: ModelSetting | None = None) -> Target:
        """The target that `provider/model` names."""
        if text == GUIDE:
            return guide_target()
        provider, _, model = text.partition("/")
        return self.named(provider, model, declared)

    def named(self, provider: str, model: str, declared: ModelSetting | None = None) -> Target:
        """A model of a provider; raises VendorFaults when no such provider is configured."""
        instance = self._instances.get(provider)
        if instance is None and provider == LOCAL:
            return local_target(self._settings, model, None, declared)
        if instance is None:
            raise table.VendorFaults([f"provider {provider}: is not configured, and {provider}/{model} needs it"])
        vendor = instance.vendor
        facts = self._prices.find(vendor.price_id, model)
        configured = self._settings.providers.get(provider)
        overrides = [configured.timeouts] if configured else []
        return Target(
            provider=provider,
            model=model,
            card=_card(declared) or (FREE if vendor.is_local else facts.card),
            context_tokens=(declared.context if declared else None) or facts.context_tokens,
            max_output_tokens=declared.max_output if declared else None,
            is_local=vendor.is_local,
            timeouts=_timeouts(self._settings, [*overrides, *([declared.timeouts] if declared else [])]),
        )


def _instances(
    settings: Settings, vendors: Mapping[str, Vendor], found: Sequence[LocalServer], environment: Mapping[str, str]
) -> tuple[dict[str, Instance], tuple[str, ...]]:
    """Every provider that can be called: those of the file, else those of the environment and of this machine."""
    instances: dict[str, Instance] = {}
    faults: list[str] = []
    for name, declared in settings.providers.items():
        vendor = vendors[declared.vendor] if declared.vendor else table.custom(name, declared.wire or "")
        key = declared.api_key.reveal() if declared.api_key else ""
        try:
            vendor = table.speaking(name, vendor, declared.also)
            place = f"providers.{name}.api_key"
            instances[name] = table.configure(name, vendor, environment, key, declared.base_url or "", place)
        except table.VendorFaults as fault:
            faults += fault.faults
    if faults:
        raise table.VendorFaults(faults)
    usable = table.find_configured(vendors, environment)
    for instance in usable.instances:
        instances.setdefault(instance.name, _at_own_address(instance, settings))
    for server in found:
        instances.setdefault(server.instance.name, server.instance)
    if settings.llm.base_url is not None:
        key = settings.llm.api_key.reveal() if settings.llm.api_key else ""
        vendor = table.custom(ENVIRONMENT_PROVIDER, "openai")
        instances[ENVIRONMENT_PROVIDER] = table.configure(
            ENVIRONMENT_PROVIDER, vendor, environment, key, settings.llm.base_url, "LLM_API_KEY"
        )
    return instances, tuple(usable.unusable.values())


def _at_own_address(instance: Instance, settings: Settings) -> Instance:
    address = settings.vendors.openai_base_url
    if instance.name != "openai" or address is None:
        return instance
    return Instance(instance.name, instance.vendor, address.rstrip("/"), instance.api_key, instance.credential)


def _default_model(settings: Settings, instances: Mapping[str, Instance]) -> str:
    """The model named outright; else, unless the file has models, the first of the usual ones; else the guide."""
    if settings.llm.base_url is not None and settings.llm.model:
        return f"{ENVIRONMENT_PROVIDER}/{settings.llm.model}"
    if settings.default_model:
        return settings.default_model
    for name in ("openai", "groq") if not settings.models else ():
        if name in instances and instances[name].vendor.default_model:
            return f"{name}/{instances[name].vendor.default_model}"
    return GUIDE


def _card(declared: ModelSetting | None) -> PriceCard | None:
    if declared is None:
        return None
    if declared.free:
        return FREE
    return _priced(declared.price) if declared.price else None


def _priced(price: Price) -> PriceCard:
    cached = None if price.cached_input is None else _rate(price.cached_input)
    per_request = whole(price.request, PICO_PER_DOLLAR)
    rates = _rate(price.input), _rate(price.output)
    return PriceCard(CONFIGURED_PRICE, *rates, cached_read=cached, per_request_pico=per_request)


def _rate(dollars_per_million: Decimal) -> Rate:
    return Rate(whole(dollars_per_million, PICO_PER_DOLLAR_PER_MILLION))


def _timeouts(settings: Settings, overrides: list[TimeoutOverrides]) -> Timeouts:
    values: dict[str, float] = {}
    for name in (field.name for field in fields(Timeouts)):
        values[name] = getattr(settings.timeouts, f"{name}_seconds")
        for override in overrides:
            changed = getattr(override, f"{name}_seconds")
            if changed is not None:
                values[name] = changed
    return Timeouts(**values)
