"""What the API document says of the audit."""

from collections.abc import Mapping
from datetime import UTC, datetime

from tollbar.domain import errors
from tollbar.edge.audit_schemas import EntryList, EntryView, VerdictView
from tollbar.edge.operation import Operation

TAG = "Audit"
_SEAL = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_ENTRY = EntryView(
    number=7,
    at=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
    actor="admin key 3fK9x0PqLm (admin)",
    action="key.update",
    subject="8sT2mVb4Qz",
    before={"allowances": ["100 credits (never, UTC)"]},
    after={"allowances": ["500 credits (never, UTC)"]},
    request_id="req_19b77488500823c000000004",
    seal=_SEAL,
)

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/admin/api/audit"): Operation(
        tag=TAG,
        summary="List changes",
        answer=EntryList,
        example=EntryList(data=[_ENTRY], next=7),
        errors=(errors.InvalidValue, errors.Overloaded),
        parameters=("actor", "action", "subject", "before", "count"),
    ),
    ("GET", "/admin/api/audit/verify"): Operation(
        tag=TAG,
        summary="Verify the audit",
        answer=VerdictView,
        example=VerdictView(entries=7, last_seal=_SEAL, wrong=None),
        errors=(errors.Overloaded,),
    ),
}
