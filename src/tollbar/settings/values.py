"""The settings as a whole: what `load` hands to the composition root, frozen.

`Declared` holds what a file, the environment or a flag can say. `Settings` adds what reading them taught: where each
value came from, the provider keys found, and what is legal but worth a warning. Nothing below the composition root sees
either.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from tollbar.settings.alerts import Alerts
from tollbar.settings.end_users import EndUsers
from tollbar.settings.fields import Frozen, SecretText, Section, over, setting
from tollbar.settings.files import Files
from tollbar.settings.hub import Hub
from tollbar.settings.idempotency import Idempotency
from tollbar.settings.local import Local
from tollbar.settings.offers import TIERS, Anonymous, Limits, Model, Provider, SelfService, Tier
from tollbar.settings.responses import Responses
from tollbar.settings.secret import Secret
from tollbar.settings.sections import (
    Cors,
    Defaults,
    Egress,
    Input,
    LanguageModel,
    Ledger,
    Logging,
    Requests,
    Retries,
    RotatingKey,
    Server,
    Timeouts,
    Vendors,
)

GUIDE = "tollbar-guide"
LOCAL = "local"
"""The provider of the models that run on this machine, unless the file has one of that name."""
DEVELOPMENT_NAMES = frozenset({"development", "dev", "local"})


class Declared(Section):
    """Everything that can be set."""

    data: Path = setting(
        Path("data"), "Where state lives: the store and the instance secret.", environment=("TOLLBAR_DATA",)
    )
    admin_key: SecretText | None = setting(
        None,
        "The admin key, at least 16 characters. Without it one is made at the first start and shown once.",
        environment=("TOLLBAR_ADMIN_KEY",),
    )
    secret: SecretText | None = setting(
        None,
        "What protects stored keys, at least 32 characters. Without it one is made at the first start and kept in the "
        "data directory.",
        environment=("TOLLBAR_SECRET",),
    )
    static_key: SecretText | None = setting(
        None, "One key for calls that is valid as long as it stands here.", environment=("x_api_key",)
    )
    database_url: str | None = setting(
        None,
        "The store: `sqlite://`, a file in `data`, which is the default; or `postgresql://USER:PASSWORD@HOST/NAME`.",
        environment=("DATABASE_URL",),
    )
    redis_url: str | None = setting(
        None,
        "Where rates are counted: `redis://HOST:PORT`, `rediss://` or `unix://`, for a Redis or Valkey. Without it in "
        "memory, which the workers of one machine share; `memory://` is the memory of one process.",
        environment=("REDIS_URL",),
    )
    environment: str = setting(
        "production",
        "`development` lets web pages of any site call the gateway, as far as `cors.origins` names none.",
        environment=("ENV",),
    )
    debug: bool = setting(False, "Log more: every step of a call, though never its words.", environment=("DEBUG",))
    server: Server = setting(Server, "Where Tollbar listens, whom it believes, and how it stops.")
    cors: Cors = setting(Cors, "Which web pages may have their visitors' browsers call Tollbar.")
    logging: Logging = setting(Logging, "Where the log goes beside standard error.")
    providers: Annotated[Mapping[str, Provider], Frozen] = setting(dict, "Upstreams, by the name that targets use.")
    models: Annotated[Mapping[str, Model], Frozen] = setting(dict, "The names that callers may use.")
    default_model: str | None = setting(
        None,
        "The model of the simple endpoints. Without it the first that is found.",
        environment=("DEFAULT_MODEL",),
    )
    default_local_model: str = setting(
        GUIDE,
        "The model of /local/generate and /local-chat, and the one that /chat falls back to. Where it is not set, the "
        "first model that was pulled takes the guide's place.",
    )
    tiers: Annotated[Mapping[str, Tier], over(lambda: TIERS), Frozen] = setting(
        lambda: TIERS, "Kinds of keys: what a call costs them."
    )
    anonymous: Anonymous = setting(Anonymous, "Callers without a key.")
    self_service: SelfService = setting(SelfService, "Keys that callers fetch for themselves.")
    rotating_key: RotatingKey = setting(RotatingKey, "The key that changes by itself every week.")
    limits: Limits = setting(Limits, "Rates of addresses and routes, for callers whose keys carry none of their own.")
    input: Input = setting(Input, "How much one request may bring.")
    timeouts: Timeouts = setting(Timeouts, "How long one attempt at a provider may take.")
    retries: Retries = setting(Retries, "How often a call is tried again.")
    ledger: Ledger = setting(Ledger, "How money is kept.")
    alerts: Alerts = setting(Alerts, "Who is told that an allowance is nearly used up.")
    end_users: EndUsers = setting(EndUsers, "The people for whom a key's holder calls.")
    idempotency: Idempotency = setting(Idempotency, "Calls that are sent again with the same `Idempotency-Key`.")
    responses: Responses = setting(Responses, "Responses of `/v1/responses`, which a later request may go on from.")
    files: Files = setting(Files, "Files of `/v1/files`, which go on to a provider.")
    requests: Requests = setting(Requests, "What is kept of each call, for people.")
    defaults: Defaults = setting(Defaults, "What the simple endpoints use where a request says nothing.")
    llm: LanguageModel = setting(LanguageModel, "One model of one server, without more configuration.")
    vendors: Vendors = setting(Vendors, "Where two vendors are found when not at their usual address.")
    local: Local = setting(Local, "How models of this machine are run.")
    egress: Egress = setting(Egress, "How providers are reached.")
    hub: Hub = setting(Hub, "Where models for this machine come from.")


class Settings(Declared):
    """The settings in force, with where they came from."""

    config_file: Path | None
    """The configuration file that was read; None when there is none."""
    secrets: Mapping[str, Secret]
    """The environment's values under the names that the caller of `load` asked for (the vendors' usual key names)."""
    origins: Mapping[str, str]
    """Where each value that is not a default came from, by its dotted name."""
    warnings: tuple[str, ...]
    """What is allowed but probably not meant, as sentences."""

    @property
    def is_development(self) -> bool:
        """Whether conveniences of development are on."""
        return self.environment.lower() in DEVELOPMENT_NAMES
