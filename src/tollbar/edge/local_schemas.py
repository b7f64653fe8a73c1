"""The shapes of `/admin/api/models`: no path of this machine is told, and no token."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from tollbar.admin.pulls import Pull
from tollbar.domain.local_models import Format, Kind, LocalModel, PullState
from tollbar.edge.schemas import Shape, Wish

LONGEST_NAME = 500


class ModelWish(Wish):
    """A model, by its name."""

    model: str = Field(
        description="A short name (`tinyllama`), a repository of Hugging Face (`owner/name`, `owner/name:Q4_K_M`, "
        "`owner/name:file.gguf`), or a model of Ollama's (`ollama:name`).",
        min_length=1,
        max_length=LONGEST_NAME,
    )


class LocalModelView(Shape):
    """A model on the server's machine."""

    object: Literal["local_model"] = "local_model"
    name: str = Field(description="What calls name it by; `local/NAME` works too.")
    aliases: list[str]
    kind: Kind
    format: Format
    size_bytes: int
    context_tokens: int | None
    repository: str = Field(description="Where it came from; empty for a file that was here.")
    file: str
    sha256: str
    licence: str

    @classmethod
    def of(cls, model: LocalModel) -> "LocalModelView":
        """How a model is told."""
        return cls(
            name=model.name,
            aliases=list(model.aliases),
            kind=model.kind,
            format=model.format,
            size_bytes=model.size_bytes,
            context_tokens=model.context_tokens,
            repository=model.repository,
            file=model.file,
            sha256=model.sha256,
            licence=model.licence,
        )


class PullFault(Shape):
    """Why a pull failed."""

    code: str
    message: str
    hint: str


class PullView(Shape):
    """A pull, as far as it is."""

    object: Literal["pull"] = "pull"
    id: str
    model: str = Field(description="What the model will be called.")
    source: str
    state: PullState
    done_bytes: int
    total_bytes: int = Field(description="0 where it is not known yet.")
    licence: str
    began_at: datetime
    error: PullFault | None

    @classmethod
    def of(cls, pull: Pull) -> "PullView":
        """How a pull is told."""
        fault = pull.fault
        return cls(
            id=pull.id,
            model=pull.plan.name,
            source=pull.plan.source,
            state=pull.progress.state,
            done_bytes=pull.progress.done_bytes,
            total_bytes=pull.progress.total_bytes,
            licence=pull.plan.licence,
            began_at=pull.began_at,
            error=PullFault(code=fault.code, message=fault.message, hint=fault.hint) if fault else None,
        )


class LocalModelList(Shape):
    """The models that are here, by name, and the pulls, newest first."""

    object: Literal["list"] = "list"
    data: list[LocalModelView]
    pulls: list[PullView]


class RemovedView(Shape):
    """A model that is gone."""

    object: Literal["local_model.removed"] = "local_model.removed"
    model: str
