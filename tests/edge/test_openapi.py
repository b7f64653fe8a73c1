"""The document says all that the table has, with what the code does."""

import json
from typing import Any

import pytest

from tests.edge.stage import ADMIN_KEY, CALL_KEY, JSON, a_stage, bearer
from tollbar.domain.identity import Allowance, AllowanceId
from tollbar.edge import schemas
from tollbar.edge.error_samples import SAMPLES
from tollbar.edge.openapi import document, errors_of, written
from tollbar.edge.operations import OPERATIONS
from tollbar.edge.routes import CALLS, PAGES, Access, public_path
from tollbar.edge.shapes import shape_of

pytestmark = pytest.mark.anyio

DOCUMENT = document("1.2.3")
ROWS = (*CALLS, *PAGES)
VERBS = {"get", "post", "patch", "put", "delete"}


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Every operation of the document with its method and address."""
    return [(verb, path, told) for path, verbs in DOCUMENT["paths"].items() for verb, told in verbs.items()]


def references(value: object) -> set[str]:
    """Every `$ref` inside a value."""
    if isinstance(value, dict):
        found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


@pytest.mark.slow
def test_it_is_a_valid_openapi_document() -> None:
    """An independent reader accepts it, and finds an operation for each row."""
    import schemathesis

    schema = schemathesis.openapi.from_dict(DOCUMENT)
    schema.validate()
    assert len(list(schema.get_all_operations())) == len(ROWS)


def test_every_row_of_the_table_is_there_and_nothing_else() -> None:
    """No hidden route, no documented one that does not exist."""
    told = {(verb.upper(), path) for verb, path, _ in operations()}
    assert told == {(row.method, public_path(row.path)) for row in ROWS}


def test_every_reference_leads_somewhere() -> None:
    """Schemas and headers that are named exist."""
    for reference in references(DOCUMENT):
        target: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            assert step in target, reference
            target = target[step]


def test_every_operation_is_told_in_full() -> None:
    """A group that exists, a summary and a name of its own, a description, and who may use it."""
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    names = [told["operationId"] for _, _, told in operations()]
    assert len(set(names)) == len(names)
    assert all(name.isalnum() for name in names)
    summaries = [told["summary"] for _, _, told in operations()]
    assert len(set(summaries)) == len(summaries)
    for _, path, told in operations():
        assert set(told["tags"]) <= tags, path
        assert told["summary"] != "", path
        assert told["description"] != "", path
        assert told["x-access"] in set(Access), path


def test_what_needs_a_key_says_which() -> None:
    """Public rows ask for nothing; every scheme that is named is described."""
    described = set(DOCUMENT["components"]["securitySchemes"])
    for row in ROWS:
        told = DOCUMENT["paths"][public_path(row.path)][row.method.lower()]
        named = {name for choice in told["security"] for name in choice}
        assert named <= described
        assert (told["security"] == []) is (row.access is Access.PUBLIC)


def test_every_error_has_an_example_of_its_shape_and_its_headers() -> None:
    """Each status a row can answer, with one example for each of its errors, as `encode_error` writes them."""
    for row in ROWS:
        responses = DOCUMENT["paths"][public_path(row.path)][row.method.lower()]["responses"]
        for kind in errors_of(row):
            status, body = shape_of(row.path).encode(SAMPLES[kind], "")
            code = shape_of(row.path).code_in(json.loads(body))
            response = responses[str(status)]
            example = response["content"]["application/json"]["examples"][kind.__name__]
            assert example["summary"] != ""
            assert shape_of(row.path).code_in(example["value"]) == code
            assert f"`{code}`" in response["description"]
            assert "x-request-id" in response["headers"]
        if row.access is not Access.PUBLIC:
            assert {"401", "403"} <= set(responses)
        assert {"retry-after", "x-ratelimit-limit-requests"} <= set(responses["429"]["headers"])


def test_every_operation_tells_its_headers_and_limits() -> None:
    """What every answer carries, on each status; how the limits stand where there can be some; what a request holds."""
    for row in ROWS:
        told = DOCUMENT["paths"][public_path(row.path)][row.method.lower()]
        for status, response in told["responses"].items():
            everywhere = {"x-request-id", "x-process-time", "x-memory-used", "x-memory-delta"}
            assert everywhere <= set(response["headers"]), (row.path, status)
        good = next(response for status, response in told["responses"].items() if status.startswith("2"))
        is_limited = row.access not in (Access.ADMIN, Access.MACHINE)
        assert ("x-ratelimit-remaining-requests" in good["headers"]) is is_limited, row.path
        assert all("example" in parameter for parameter in told.get("parameters", ())), row.path
        assert "500" in told["responses"]


def test_calls_tell_their_limits_their_stream_and_how_to_make_them() -> None:
    """Rate headers, the event stream beside the document, examples in several languages."""
    for row in CALLS:
        told = DOCUMENT["paths"][public_path(row.path)][row.method.lower()]
        assert {f"x-ratelimit-{what}-requests" for what in ("limit", "remaining", "reset")} <= set(
            told["responses"]["200"]["headers"]
        )
        plain = {"text/plain", "text/event-stream"} if row.path == "/local/generate" else set()
        entry = OPERATIONS[row.method, row.path]
        streamed = {row.dialect.stream_content_type.decode().partition(";")[0]} if entry.streams else set()
        assert set(told["responses"]["200"]["content"]) == {entry.answer_type, *streamed, *plain}
        if row.method == "POST":
            assert told["requestBody"]["required"] is True
        assert {sample["lang"] for sample in told["x-codeSamples"]} == {"Shell", "Python", "JavaScript"}


def test_every_json_answer_has_a_schema_and_an_example() -> None:
    """What a program reads is described; so is what it sends."""
    for _, path, told in operations():
        for status, response in told["responses"].items():
            content = response["content"].get("application/json")
            if content is not None and path != "/openapi.json":
                assert "schema" in content, (path, status)
                assert "example" in content or "examples" in content, (path, status)
        if "requestBody" in told:
            (content,) = told["requestBody"]["content"].values()
            assert content["schema"] is not None
            assert len(content["examples"]) >= 1


def test_requests_refuse_further_fields_and_calls_accept_them() -> None:
    """The document says what the code does with a field that nobody described."""
    shapes = DOCUMENT["components"]["schemas"]
    for name in ("NewKey", "KeyUpdate", "Rotation", "Revocation"):
        assert shapes[name]["additionalProperties"] is False
    assert shapes["ChatRequest"]["additionalProperties"] is True


def test_no_schema_of_an_answer_has_room_for_a_secret() -> None:
    """Only the answer that makes a key names one."""
    secretive = {"key", "secret", "digest", "pepper", "hash"}
    shapes = DOCUMENT["components"]["schemas"]
    found = {name for name, shape in shapes.items() if secretive & set(shape.get("properties", {}))}
    assert found == {"IssuedKeyView", "WebhookSet", "WebhookWish"}


def test_it_is_made_once() -> None:
    """The bytes that are served are kept; a caller who changes its copy changes nobody else's."""
    assert written("1.2.3") is written("1.2.3")
    document("1.2.3")["paths"].clear()
    assert document("1.2.3")["paths"] != {}
    assert json.loads(written("1.2.3"))["info"]["version"] == "1.2.3"


def test_amounts_are_written_exactly() -> None:
    """The example of an allowance adds up to the last digit, as numbers."""
    text = written("1.2.3").decode()
    assert '"spent":9.99999,"held":0.0132,"left":9.99681' in text
    example = schemas.AllowanceView.of(Allowance(AllowanceId(1, schemas.Unit.DOLLARS), 3, 1, 1))
    assert example.granted == example.spent + example.held + example.left


async def test_the_examples_of_requests_are_accepted() -> None:
    """What the document shows can be sent as it is."""
    stage = await a_stage()
    for (method, path), entry in OPERATIONS.items():
        for example in entry.body_examples.values():
            where = (
                path.replace("{key_id}", "callcallca")
                .replace("{model_name:path}", "smart")
                .replace("{model:path}", "smart")
            )
            key = ADMIN_KEY if where.startswith("/admin") else CALL_KEY
            if entry.body_type != "application/json":
                continue  # a form, whose examples cannot be written down
            body = json.dumps(example["value"]).encode()
            answer = await stage.ask(method, where, bearer(key), JSON, body=body)
            assert answer.status in {200, 201, 202, 401, 404}, (path, answer.body)
            if answer.status == 404:
                code = shape_of(path).code_in(answer.json())
                assert code in {"model_not_found", "NOT_FOUND", "not_found_error"}


async def test_answers_are_as_the_document_says() -> None:
    """The fields of real answers are those of their schemas, no more and no fewer."""
    stage = await a_stage()
    shapes = DOCUMENT["components"]["schemas"]
    issued = (await stage.admin("POST", "/admin/api/keys", {"name": "ana", "credits": 5, "rpm": 2})).json()
    mine = (await stage.ask("GET", "/v1/me", bearer(CALL_KEY))).json()
    model = (await stage.ask("GET", "/v1/models", bearer(CALL_KEY))).json()["data"][0]
    for name, answer in (
        ("IssuedKeyView", issued),
        ("LimitView", issued["limits"][0]),
        ("AllowanceView", issued["allowances"][0]),
        ("AccountView", mine),
        ("ModelView", model),
    ):
        assert set(answer) == set(shapes[name]["properties"]), name
