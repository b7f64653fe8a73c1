"""What the API document says of the addresses of local models."""

from collections.abc import Mapping
from datetime import UTC, datetime

from tollbar.domain import errors
from tollbar.domain.local_models import PullState
from tollbar.edge.local_schemas import LocalModelList, LocalModelView, ModelWish, PullView, RemovedView
from tollbar.edge.operation import READING, UPSTREAM, Operation

TAG = "Local models"

_MODEL = LocalModelView(
    name="tinyllama",
    aliases=["tinyllama:1.1b"],
    kind="chat",
    format="gguf",
    size_bytes=668_788_096,
    context_tokens=2_048,
    repository="TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF",
    file="tinyllama-1.1b-chat-v1.0.Q4_K_M.gguf",
    sha256="9fecc3b3cd76bba89d504f29b616eedf7da85b96540e490ca5824d3f7d2776a0",
    licence="apache-2.0",
)
_PULL = PullView(
    id="pull_0f1e2d3c4b5a6978",
    model="tinyllama",
    source=_MODEL.repository,
    state=PullState.DOWNLOADING,
    done_bytes=167_197_024,
    total_bytes=668_788_096,
    licence="apache-2.0",
    began_at=datetime(2026, 11, 29, 12, 0, tzinfo=UTC),
    error=None,
)
_EVENT = f"data: {_PULL.model_dump_json()}\n\n"
_BODY = {"name": {"summary": "By its short name", "value": {"model": "tinyllama"}}}

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/admin/api/models"): Operation(
        tag=TAG,
        summary="List local models",
        answer=LocalModelList,
        example=LocalModelList(data=[_MODEL], pulls=[_PULL]),
    ),
    ("POST", "/admin/api/models/pull"): Operation(
        tag=TAG,
        summary="Pull a model",
        description="Begins to fetch a model, and answers at once; `…/pulls/{pull_id}/events` tells how far it is. A "
        "second wish for a model that is being fetched gets the first one's pull; one for a model that is here gets a "
        "pull that is `done`. Room on the disk is checked first.",
        body=ModelWish,
        body_examples={
            **_BODY,
            "repository": {"summary": "From a repository", "value": {"model": "Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q8_0"}},
        },
        status=202,
        answer=PullView,
        example=_PULL,
        errors=(*READING, errors.UnknownModel, errors.Conflict, *UPSTREAM),
    ),
    ("POST", "/admin/api/models/remove"): Operation(
        tag=TAG,
        summary="Remove a local model",
        body=ModelWish,
        body_examples=_BODY,
        answer=RemovedView,
        example=RemovedView(model="tinyllama"),
        errors=(*READING, errors.NotFound),
    ),
    ("GET", "/admin/api/models/pulls/{pull_id}"): Operation(
        tag=TAG, summary="Show a pull", answer=PullView, example=_PULL, errors=(errors.NotFound,)
    ),
    ("DELETE", "/admin/api/models/pulls/{pull_id}"): Operation(
        tag=TAG,
        summary="Cancel a pull",
        description="Ends a pull that is under way, whichever worker it belongs to, and answers when it has ended: its "
        "`state` is `cancelled`. What has come stays on the disk, and the next pull of the model goes on from there. "
        "One that had ended already stays as it is.",
        answer=PullView,
        example=_PULL.model_copy(update={"state": PullState.CANCELLED}),
        errors=(errors.NotFound,),
    ),
    ("GET", "/admin/api/models/pulls/{pull_id}/events"): Operation(
        tag=TAG,
        summary="Watch a pull",
        description="Server-sent events: the pull each time that it has gone on, until its `state` is `done`, "
        "`failed` or `cancelled`.",
        answer_type="text/event-stream",
        example=_EVENT,
        errors=(errors.NotFound,),
    ),
}
