"""THE table: every address Tollbar answers, what serves it, and who may use it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tollbar.edge import account, admin, health, models, pages, rotating, self_service
from tollbar.gateway.resolve import NO_PIN, Pin
from tollbar.wire import openai_chat
from tollbar.wire.dialect import Dialect


class Access(StrEnum):
    """Who may use a route."""

    PUBLIC = "public"
    KEY = "key"
    ADMIN = "admin"
    MACHINE = "machine"
    """The admin key, or no key at all from a program on this machine."""
    SECRET = "secret"
    """The admin secret, in a header of its own."""


@dataclass(frozen=True, slots=True)
class CallRoute:
    """An address where models are called: a dialect, and what the address demands of the target."""

    path: str
    dialect: Dialect
    pin: Pin = NO_PIN
    method: str = "POST"
    access: Access = Access.KEY

    @property
    def methods(self) -> tuple[str, ...]:
        """What it answers."""
        return (self.method,)


@dataclass(frozen=True, slots=True)
class PageRoute:
    """An address of the control plane. A GET that changes something does not answer HEAD."""

    method: str
    path: str
    access: Access
    handler: Callable[..., object]
    answers_head: bool = True

    @property
    def methods(self) -> tuple[str, ...]:
        """What it answers."""
        return (self.method, "HEAD") if self.method == "GET" and self.answers_head else (self.method,)


CALLS = (
    CallRoute("/v1/chat/completions", openai_chat.DIALECT),
    CallRoute("/chat/completions", openai_chat.DIALECT),
)

PAGES = (
    PageRoute("GET", "/", Access.PUBLIC, pages.landing),
    PageRoute("GET", "/docs", Access.PUBLIC, pages.docs),
    PageRoute("GET", "/redoc", Access.PUBLIC, pages.redoc),
    PageRoute("GET", "/openapi.json", Access.PUBLIC, pages.openapi_document),
    PageRoute("GET", "/docs/assets/{name}", Access.PUBLIC, pages.asset),
    PageRoute("GET", "/health", Access.PUBLIC, health.live),
    PageRoute("GET", "/healthz", Access.PUBLIC, health.live),
    PageRoute("GET", "/health/ready", Access.PUBLIC, health.ready),
    PageRoute("GET", "/metrics", Access.MACHINE, health.metrics),
    PageRoute("GET", "/v1/models", Access.KEY, models.list_models),
    PageRoute("GET", "/models", Access.KEY, models.list_models),
    PageRoute("GET", "/v1/models/{model:path}", Access.KEY, models.show_model),
    PageRoute("GET", "/models/{model:path}", Access.KEY, models.show_model),
    PageRoute("GET", "/v1/me", Access.KEY, account.me),
    PageRoute("GET", "/generate_api", Access.PUBLIC, self_service.generate, answers_head=False),
    PageRoute("GET", "/current-key", Access.SECRET, rotating.current_key),
    PageRoute("GET", "/admin/api/keys", Access.ADMIN, admin.list_keys),
    PageRoute("POST", "/admin/api/keys", Access.ADMIN, admin.create_key),
    PageRoute("GET", "/admin/api/keys/{key_id}", Access.ADMIN, admin.show_key),
    PageRoute("PATCH", "/admin/api/keys/{key_id}", Access.ADMIN, admin.update_key),
    PageRoute("POST", "/admin/api/keys/{key_id}/rotate", Access.ADMIN, admin.rotate_key),
    PageRoute("POST", "/admin/api/keys/{key_id}/revoke", Access.ADMIN, admin.revoke_key),
)
