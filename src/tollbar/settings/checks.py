"""What the settings must hold together: names that refer to each other, secrets worth the name, dangerous mixtures."""

import re
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from tollbar.settings.describe import find_field, kind_of, mask_password
from tollbar.settings.faults import Fault, suggest
from tollbar.settings.secret import Secret
from tollbar.settings.sources import Document, Location, dotted
from tollbar.settings.values import DEVELOPMENT_NAMES, GUIDE, LOCAL, Declared

PlaceOf = Callable[[Location], tuple[str, str]]

MIN_ADMIN_KEY = 16
MIN_SECRET = 32
MIN_DISTINCT = 6
PLACEHOLDERS = ("changeme", "change-me", "change_me", "password", "placeholder", "example", "default", "1234567890")
ENVIRONMENTS = DEVELOPMENT_NAMES | {"production", "prod", "staging", "test", "testing"}
_EXAMPLE = re.compile(r"(?:sk-)?(?:<?your[ _-]|my[_-](?:secret|key|api)|x{4,}|<)", re.IGNORECASE)
SIGNING = re.compile(r"whsec_(?:[A-Za-z0-9+/]{4}){8,21}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
IN_MEMORY = "memory://"
POSTGRES = ("postgresql:", "postgres:")
EXAMPLE = "looks like an example that was never replaced"


@dataclass(frozen=True, slots=True)
class Names:
    """What a setting may refer to: the providers and models of the file, even those that are faulty themselves."""

    providers: Collection[str]
    models: Collection[str]
    vendors: Collection[str]
    wires: Collection[str]

    def has_model(self, name: str) -> bool:
        """Whether a name can be called: a model of the file, the guide, or provider/model."""
        return name in self.models or name == GUIDE or "/" in name


def find_faults(declared: Declared, names: Names, place_of: PlaceOf) -> list[Fault]:
    """Everything wrong that only shows when the settings are seen together."""
    found: list[tuple[Location, str, str]] = [
        *_weak_secrets(declared),
        *_stores(declared),
        *_workers(declared),
        *_providers(declared, names),
        *_models(declared, names),
        *_aliases(declared, names),
        *_references_to_models(declared, names, place_of),
        *_open_doors(declared),
        *_routes(declared),
        *_alerts(declared),
    ]
    return [Fault(*place_of(location), wrong, remedy) for location, wrong, remedy in found]


def find_warnings(declared: Declared, document: Document) -> Iterator[str]:
    """What is allowed and probably not meant, as sentences."""
    for location in document.lines:
        field = find_field(location)
        if field is not None and kind_of(field) == "secret" and location not in document.referring:
            value = _value_at(document.values, location)
            if isinstance(value, str) and not value.startswith("file:"):
                name = dotted(location)
                yield f"{document.place(location)}: {name} stands in clear. Refer to it: ${{NAME}} or file:PATH."
    if declared.environment.lower() not in ENVIRONMENTS:
        yield f"ENV is {declared.environment!r}, which is taken as production."
    if (declared.database_url or "").startswith(POSTGRES) and declared.redis_url is None:
        yield "DATABASE_URL names a Postgres, but rates are counted by each machine for itself: set REDIS_URL as well."
    if declared.anonymous.enabled and not declared.server.is_loopback:
        yield f"anonymous.enabled lets anyone who can reach {declared.server.host} call without a key."


def is_weak(secret: Secret, at_least: int) -> str | None:
    """Why a secret is too easy to guess, or None if it is not."""
    text = secret.reveal()
    if len(text) < at_least:
        return f"has {len(text)} characters, too few to be safe: {at_least} are needed"
    if len(set(text)) < MIN_DISTINCT:
        return "repeats too few characters to be safe"
    if is_example(text) or any(word in text.casefold() for word in PLACEHOLDERS):
        return EXAMPLE
    return None


def is_example(text: str) -> bool:
    """Whether a secret is one of those that instructions write for the reader to replace: `your_api_key_here`."""
    return _EXAMPLE.match(text) is not None


def _weak_secrets(declared: Declared) -> Iterator[tuple[Location, str, str]]:
    remedy = 'Make one: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
    for name, secret, at_least in (
        ("admin_key", declared.admin_key, MIN_ADMIN_KEY),
        ("secret", declared.secret, MIN_SECRET),
    ):
        weakness = is_weak(secret, at_least) if secret else None
        if weakness:
            yield (name,), weakness, remedy
    admin_secret = declared.rotating_key.admin_secret
    if admin_secret and is_example(admin_secret.reveal()):
        yield ("rotating_key", "admin_secret"), EXAMPLE, remedy
    elif admin_secret and declared.rotating_key.derived:
        weakness = is_weak(admin_secret, MIN_ADMIN_KEY)
        if weakness:
            yield ("rotating_key", "admin_secret"), f"{weakness}, since keys are derived from it", remedy
    if declared.static_key and is_example(declared.static_key.reveal()):
        yield ("static_key",), EXAMPLE, remedy
    elif declared.static_key and declared.static_key == declared.admin_key:
        yield ("static_key",), "is the admin key, which calls no models", "Let them differ."


def _alerts(declared: Declared) -> Iterator[tuple[Location, str, str]]:
    alerts = declared.alerts
    remedy = "Make one: echo whsec_$(head -c 32 /dev/urandom | base64)"
    if alerts.url is not None and alerts.secret is None:
        yield ("alerts", "secret"), "is missing, and alerts to alerts.url must be signed", remedy
    elif alerts.secret is not None and not SIGNING.fullmatch(alerts.secret.reveal()):
        yield ("alerts", "secret"), "is not `whsec_` and 24 to 64 bytes in base64", remedy


def _stores(declared: Declared) -> Iterator[tuple[Location, str, str]]:
    database, redis = declared.database_url, declared.redis_url
    if database is not None and database.startswith("sqlite:") and database.removeprefix("sqlite:").strip("/"):
        wrong = f"is {database!r}, but the database always lies in the data directory"
        yield ("database_url",), wrong, "Write sqlite://, and choose the directory with TOLLBAR_DATA."
    elif database is not None and not database.startswith(("sqlite:", *POSTGRES)):
        wrong = f"is {mask_password(database)!r}, which is no store that Tollbar knows"
        yield ("database_url",), wrong, "Write postgresql://USER:PASSWORD@HOST/NAME, or leave it out for SQLite."
    elif database is not None and database.startswith(POSTGRES) and declared.secret is None:
        wrong = "is needed with Postgres: every server must have the same one"
        yield ("secret",), wrong, 'Make one: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
    if redis is not None and not redis.startswith((IN_MEMORY, "redis://", "rediss://", "unix://")):
        wrong = f"is {mask_password(redis)!r}, which is no address of a Redis"
        yield ("redis_url",), wrong, "Write redis://HOST:PORT, or leave it out to count in memory."


def _workers(declared: Declared) -> Iterator[tuple[Location, str, str]]:
    if declared.server.workers == 1:
        return
    if declared.redis_url == IN_MEMORY:
        wrong = f"is {IN_MEMORY!r}, but {declared.server.workers} workers that count each for itself let too much pass"
        yield ("redis_url",), wrong, "Leave it out, and they count together; or name a Redis; or set server.workers: 1."
    elif sys.platform == "win32":
        wrong = f"is {declared.server.workers}, but workers of one machine cannot share their counters on Windows"
        yield ("server", "workers"), wrong, "Set it to 1, or run Tollbar in a container."


def _providers(declared: Declared, names: Names) -> Iterator[tuple[Location, str, str]]:
    for name, provider in declared.providers.items():
        if not name or "/" in name:
            yield ("providers", name), "is no name for a provider: it may not be empty or hold a slash", ""
        if names.vendors and provider.vendor is not None and provider.vendor not in names.vendors:
            wrong = f"is {provider.vendor!r}, a vendor that Tollbar does not know"
            remedy = (
                suggest(provider.vendor, names.vendors) or "Use wire: openai with a base_url for a compatible server."
            )
            yield ("providers", name, "vendor"), wrong, remedy
        if names.wires and provider.wire is not None and provider.wire not in names.wires:
            wrong = f"is {provider.wire!r}, a protocol that Tollbar does not speak"
            yield ("providers", name, "wire"), wrong, suggest(provider.wire, names.wires)


def _models(declared: Declared, names: Names) -> Iterator[tuple[Location, str, str]]:
    # What LLM_BASE_URL names is a provider of that name.
    providers = {*names.providers, *names.vendors, LOCAL, *(["llm"] if declared.llm.base_url else [])}
    for name, model in declared.models.items():
        for index, target in enumerate(model.targets):
            # In the short form there is no `targets`; the line of the model is found then.
            location = ("models", name, "targets", str(index))
            provider, slash, upstream = target.partition("/")
            if target == GUIDE:
                continue
            if not (provider and slash and upstream):
                yield location, f"is {target!r}, which is no target", "Write provider/model."
            elif names.vendors and provider not in providers:
                wrong = f"is {target!r}, but there is no provider {provider!r}"
                yield location, wrong, suggest(provider, names.providers or names.vendors)
    if declared.llm.model is not None and declared.llm.base_url is None:
        yield ("llm", "model"), "is set without LLM_BASE_URL", "Set both, or neither."
    if declared.llm.base_url is not None and declared.llm.model is None:
        yield ("llm", "base_url"), "is set without LLM_MODEL", "Set both, or neither."


def _aliases(declared: Declared, names: Names) -> Iterator[tuple[Location, str, str]]:
    aliases = {name: model.alias for name, model in declared.models.items() if model.alias is not None}
    for name, goal in aliases.items():
        location, seen = ("models", name, "alias"), {name}
        while goal in aliases and goal not in seen:
            seen.add(goal)
            goal = aliases[goal]
        if goal in seen:
            yield location, "leads back to itself", "Let one of the names be a model with targets."
        elif not names.has_model(goal):
            yield location, f"leads to {goal!r}, which is no model here", suggest(goal, names.models)


def _references_to_models(declared: Declared, names: Names, place_of: PlaceOf) -> Iterator[tuple[Location, str, str]]:
    found: list[tuple[Location, tuple[str, ...]]] = [
        (("anonymous", "models"), declared.anonymous.models),
        (("self_service", "models"), declared.self_service.models),
    ]
    # DEFAULT_MODEL may name any model of OpenAI; only the file, which lists models, is held to its list.
    if declared.default_model is not None and place_of(("default_model",))[1] == "default_model":
        found.append((("default_model",), (declared.default_model,)))
    if place_of(("default_local_model",))[1] == "default_local_model":
        found.append((("default_local_model",), (declared.default_local_model,)))
    for location, models in found:
        for model in models:
            if not names.has_model(model):
                yield location, f"names {model!r}, which is no model here", suggest(model, names.models)


def _open_doors(declared: Declared) -> Iterator[tuple[Location, str, str]]:
    service = declared.self_service
    if not service.enabled or declared.server.is_loopback:
        return
    if not service.models or (service.credits is None and not service.limits):
        wrong = f"would hand unlimited keys to anyone who can reach {declared.server.host}"
        yield ("self_service", "enabled"), wrong, "Give self_service its models, and credits or limits."


def _routes(declared: Declared) -> Iterator[tuple[Location, str, str]]:
    for pattern in declared.limits.routes:
        if not pattern.startswith("/") or "*" in pattern[:-1]:
            remedy = "Write a path such as /generate, or its beginning with a star, such as /v1/*."
            yield ("limits", "routes", pattern), "is no path", remedy


def _value_at(values: Any, location: Location) -> Any:
    for name in location:
        values = values.get(name) if isinstance(values, dict) else None
    return values
