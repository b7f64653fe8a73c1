"""THE table: every address Tollbar answers, what serves it, and who may use it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from starlette.routing import compile_path

from tollbar.edge import (
    account,
    admin,
    alerts,
    audit,
    end_users,
    files,
    health,
    kept_responses,
    local_models,
    models,
    ollama,
    pages,
    quoting,
    requests,
    rotating,
    self_service,
    teams,
    usage,
)
from tollbar.gateway.resolve import Pin
from tollbar.gateway.visit import Pace
from tollbar.wire import anthropic, embeddings, forwarded, gemini, openai_chat, openai_responses, openai_text, simple
from tollbar.wire.dialect import Dialect
from tollbar.wire.gemini import embedding
from tollbar.wire.ollama import CHAT, GENERATE
from tollbar.wire.simple import USUAL_RULES, SimpleRules

PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")


class Access(StrEnum):
    """Who may use a route."""

    PUBLIC = "public"
    KEY = "key"
    ADMIN = "admin"
    MACHINE = "machine"
    """The admin key, or no key at all from a program on this machine."""
    COUNTED = "counted"
    """A key, whose own rates it is counted against."""
    SECRET = "secret"
    """The admin secret, in a header of its own."""


@dataclass(frozen=True, slots=True)
class CallRoute:
    """An address where models are called: a dialect, and which model the address means.

    Records and limits know a call by the path as it stands here, a parameter without its kind. A simple one has
    time-outs and a body limit of its own. One that `quotes` calls nobody, and tells what a call would cost.
    """

    path: str
    dialect: Dialect
    pin: Pin = Pin.NAMED
    method: str = "POST"
    access: Access = Access.KEY
    is_simple: bool = False
    quotes: bool = False

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


USUAL_PACE = Pace(attempt_seconds=30.0, total_seconds=100.0)


@dataclass(frozen=True, slots=True)
class CallRules:
    """What the settings say of calls as they come in."""

    simple: SimpleRules = USUAL_RULES
    pace: Pace = USUAL_PACE
    max_body_bytes: int = 32 * 1024 * 1024
    max_simple_body_bytes: int = 1024 * 1024


USUAL_CALL_RULES = CallRules()
"""The rules that hold when nothing is set."""


FORWARDED = (
    "/moderations",
    "/images/generations",
    "/images/edits",
    "/audio/speech",
    "/audio/transcriptions",
    "/audio/translations",
    "/rerank",
)
"""What is passed on as it is, by its path below `/v1`."""


def calls(rules: SimpleRules) -> tuple[CallRoute, ...]:
    """Every address where models are called, under these rules."""
    response = simple.response(rules)
    return (
        CallRoute("/v1/chat/completions", openai_chat.DIALECT),
        CallRoute("/chat/completions", openai_chat.DIALECT),
        CallRoute("/v1/messages", anthropic.DIALECT),
        CallRoute("/messages", anthropic.DIALECT),
        CallRoute("/v1/messages/count_tokens", anthropic.COUNTING),
        CallRoute("/messages/count_tokens", anthropic.COUNTING),
        CallRoute("/v1beta/models/{model:path}:generateContent", gemini.DIALECT),
        CallRoute("/v1beta/models/{model:path}:streamGenerateContent", gemini.STREAM),
        CallRoute("/v1beta/models/{model:path}:countTokens", gemini.COUNTING),
        CallRoute("/v1beta/models/{model:path}:embedContent", embedding.ONE),
        CallRoute("/v1beta/models/{model:path}:batchEmbedContents", embedding.BATCH),
        CallRoute("/v1/models/{model:path}:countTokens", gemini.COUNTING),
        CallRoute("/v1/models/{model:path}:embedContent", embedding.ONE),
        CallRoute("/v1/models/{model:path}:batchEmbedContents", embedding.BATCH),
        CallRoute("/v1/models/{model:path}:generateContent", gemini.DIALECT),
        CallRoute("/v1/models/{model:path}:streamGenerateContent", gemini.STREAM),
        CallRoute("/v1/responses", openai_responses.DIALECT),
        CallRoute("/responses", openai_responses.DIALECT),
        CallRoute("/v1/responses/input_tokens", openai_responses.COUNTING),
        CallRoute("/responses/input_tokens", openai_responses.COUNTING),
        CallRoute("/v1/completions", openai_text.DIALECT),
        CallRoute("/completions", openai_text.DIALECT),
        CallRoute("/api/chat", CHAT),
        CallRoute("/api/generate", GENERATE),
        CallRoute("/api/embed", embeddings.OLLAMA_EMBED),
        CallRoute("/api/embeddings", embeddings.OLLAMA_EMBEDDINGS),
        CallRoute("/v1/quote", quoting.DIALECT, quotes=True),
        CallRoute("/v1/embeddings", embeddings.OPENAI),
        CallRoute("/embeddings", embeddings.OPENAI),
        *(CallRoute(f"/v1{path}", forwarded.dialect(path)) for path in FORWARDED),
        CallRoute("/generate", simple.generate(rules), Pin.DEFAULT, is_simple=True),
        CallRoute("/generate/{model_name:path}", simple.generate(rules), Pin.LISTED, is_simple=True),
        CallRoute("/local/generate", simple.local_generate(rules), Pin.LOCAL, is_simple=True),
        CallRoute("/question", simple.question(rules), Pin.DEFAULT, is_simple=True),
        CallRoute("/chat", simple.chat(rules), Pin.DEFAULT_OR_LOCAL, is_simple=True),
        CallRoute("/local-chat", simple.local_chat(rules), Pin.LOCAL, is_simple=True),
        CallRoute("/response", response, Pin.DEFAULT, is_simple=True),
        CallRoute("/response", response, Pin.DEFAULT, method="GET", is_simple=True),
    )


CALLS = calls(USUAL_RULES)
"""The same under the usual rules, for whoever asks only which addresses there are."""

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
    *(
        PageRoute(method, f"{prefix}/responses/{{response_id}}{below}", Access.KEY, handler)
        for prefix in ("/v1", "")
        for method, below, handler in (
            ("GET", "", kept_responses.show_response),
            ("DELETE", "", kept_responses.remove_response),
            ("GET", "/input_items", kept_responses.list_input_items),
        )
    ),
    *(
        PageRoute(method, f"{prefix}/files{below}", Access.COUNTED, handler)
        for prefix in ("/v1", "")
        for method, below, handler in (
            ("POST", "", files.upload_file),
            ("GET", "", files.list_files),
            ("GET", "/{file_id}", files.show_file),
            ("DELETE", "/{file_id}", files.remove_file),
            ("GET", "/{file_id}/content", files.show_content),
        )
    ),
    PageRoute("GET", "/api/version", Access.PUBLIC, ollama.version),
    PageRoute("GET", "/api/tags", Access.KEY, ollama.tags),
    PageRoute("GET", "/api/ps", Access.KEY, ollama.running),
    PageRoute("POST", "/api/show", Access.KEY, ollama.show),
    PageRoute("GET", "/v1beta/models", Access.KEY, models.list_gemini_models),
    PageRoute("GET", "/v1beta/models/{model:path}", Access.KEY, models.show_gemini_model),
    PageRoute("GET", "/v1/me", Access.KEY, account.me),
    PageRoute("GET", "/v1/me/usage", Access.KEY, usage.show),
    PageRoute("GET", "/v1/me/usage/stream", Access.KEY, usage.stream, answers_head=False),
    PageRoute("GET", "/v1/requests/{request_id}", Access.KEY, requests.show_request),
    PageRoute("POST", "/v1/requests/{request_id}/cancel", Access.KEY, requests.cancel_request),
    PageRoute("GET", "/generate_api", Access.PUBLIC, self_service.generate, answers_head=False),
    PageRoute("GET", "/current-key", Access.SECRET, rotating.current_key),
    PageRoute("GET", "/admin/api/keys", Access.ADMIN, admin.list_keys),
    PageRoute("POST", "/admin/api/keys", Access.ADMIN, admin.create_key),
    PageRoute("GET", "/admin/api/keys/{key_id}", Access.ADMIN, admin.show_key),
    PageRoute("PATCH", "/admin/api/keys/{key_id}", Access.ADMIN, admin.update_key),
    PageRoute("POST", "/admin/api/keys/{key_id}/top-up", Access.ADMIN, admin.top_up_key),
    PageRoute("POST", "/admin/api/keys/{key_id}/rotate", Access.ADMIN, admin.rotate_key),
    PageRoute("POST", "/admin/api/keys/{key_id}/revoke", Access.ADMIN, admin.revoke_key),
    PageRoute("GET", "/admin/api/teams", Access.ADMIN, teams.list_teams),
    PageRoute("POST", "/admin/api/teams", Access.ADMIN, teams.create_team),
    PageRoute("GET", "/admin/api/teams/{team_id}", Access.ADMIN, teams.show_team),
    PageRoute("PATCH", "/admin/api/teams/{team_id}", Access.ADMIN, teams.update_team),
    PageRoute("POST", "/admin/api/teams/{team_id}/top-up", Access.ADMIN, teams.top_up_team),
    PageRoute("GET", "/admin/api/end-users/{owner}", Access.ADMIN, end_users.list_end_users),
    PageRoute("PUT", "/admin/api/end-users/{owner}", Access.ADMIN, end_users.tell_apart),
    PageRoute("DELETE", "/admin/api/end-users/{owner}", Access.ADMIN, end_users.forget),
    PageRoute("PATCH", "/admin/api/end-users/{owner}/{end_user}", Access.ADMIN, end_users.change_end_user),
    PageRoute("DELETE", "/admin/api/end-users/{owner}/{end_user}", Access.ADMIN, end_users.erase),
    PageRoute("GET", "/admin/api/requests", Access.ADMIN, requests.list_running),
    PageRoute("GET", "/admin/api/requests/{request_id}", Access.ADMIN, requests.show_any_request),
    PageRoute("POST", "/admin/api/requests/{request_id}/cancel", Access.ADMIN, requests.cancel_any_request),
    PageRoute("GET", "/admin/api/alerts", Access.ADMIN, alerts.list_alerts),
    PageRoute("POST", "/admin/api/alerts/webhook", Access.ADMIN, alerts.set_webhook),
    PageRoute("POST", "/admin/api/alerts/test", Access.ADMIN, alerts.try_webhook),
    PageRoute("POST", "/admin/api/keys/{key_id}/alerts", Access.ADMIN, alerts.set_key_thresholds),
    PageRoute("POST", "/admin/api/teams/{team_id}/alerts", Access.ADMIN, alerts.set_team_thresholds),
    PageRoute("GET", "/admin/api/audit", Access.ADMIN, audit.list_changes),
    PageRoute("GET", "/admin/api/audit/verify", Access.ADMIN, audit.verify),
    PageRoute("GET", "/admin/api/models", Access.ADMIN, local_models.list_local_models),
    PageRoute("POST", "/admin/api/models/pull", Access.ADMIN, local_models.pull_model),
    PageRoute("POST", "/admin/api/models/remove", Access.ADMIN, local_models.remove_local_model),
    PageRoute("GET", "/admin/api/models/pulls/{pull_id}", Access.ADMIN, local_models.show_pull),
    PageRoute("DELETE", "/admin/api/models/pulls/{pull_id}", Access.ADMIN, local_models.cancel_pull),
    PageRoute("GET", "/admin/api/models/pulls/{pull_id}/events", Access.ADMIN, local_models.watch_pull),
)


@cache
def pattern_of(path: str) -> re.Pattern[str]:
    """What fits an address, to its very last character: a line feed behind it makes another one.

    The framework's own pattern passes that over, and does not let it into a parameter. Nor does a parameter hold what
    makes the address of a call: `/v1/responses/input_tokens` is not that of a response.
    """
    fits = compile_path(path)[0].pattern.removesuffix("$") + r"\Z"
    begins, has_parameter, _ = path.partition("{")
    near = [row.path for row in CALLS if has_parameter and row.path.startswith(begins) and "{" not in row.path]
    others = "|".join(re.escape(other) for other in near if re.match(fits, other))
    return re.compile(rf"(?!(?:{others})\Z){fits}" if others else fits, re.DOTALL)


def public_path(path: str) -> str:
    """An address as people write it: parameters without their kind."""
    return PARAMETER.sub(r"{\1}", path)
