"""What the API document says of the simple endpoints. Data for the document alone; the code that reads is in `wire`."""

from collections.abc import Mapping
from dataclasses import replace

from tollbar.domain.errors import InvalidModel, UnknownModel
from tollbar.edge.chat_schemas import COMPLETION_EXAMPLE
from tollbar.edge.chat_schemas import STREAM_EXAMPLE as CHAT_STREAM_EXAMPLE
from tollbar.edge.operation import ANSWERED, CALL, Operation
from tollbar.edge.parameters import SAYS_SOMETHING
from tollbar.wire.simple import USUAL_RULES

Schema = dict[str, object]


_QUESTION = "What is a token bucket?"
_ANSWER = "A counter that refills at a steady rate."

STREAM_EXAMPLE = """\
data: A counter

data:  that refills at a steady rate.

data: [DONE]

"""

_STREAM = (
    "With `?stream=true` the answer is `text/event-stream`: each piece of text is one event, a piece's own spaces kept "
    "and its newlines as further `data:` lines, closed by `data: [DONE]`. A failure after the first event is "
    "`event: error` with the error object, and nothing follows. `stream: true` in the body means the same; where both "
    "are given the address counts."
)


def _words(description: str) -> Schema:
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": USUAL_RULES.max_characters,
        "pattern": SAYS_SOMETHING,
        "description": description,
    }


def _number(description: str, most: float) -> Schema:
    return {"type": ["number", "null"], "minimum": 0, "maximum": most, "description": description}


def _tokens(most: int) -> Schema:
    told = "The longest answer, in tokens."
    return {"type": ["integer", "null"], "minimum": 1, "maximum": most, "description": told}


def _object(description: str, properties: Mapping[str, object], *required: str) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": True,
    }


_STREAM_FIELD: Schema = {
    "type": ["boolean", "null"],
    "default": False,
    "description": "Send the answer as it is made.",
}


def _prompt(most_tokens: int) -> Schema:
    return _object(
        "A prompt. What is left out, or null, is as the settings say; fields that are not listed are not read.",
        {
            "prompt": _words("What to answer."),
            "temperature": _number("How freely words are chosen.", 2),
            "top_p": _number("The same, by probability mass.", 1),
            "max_tokens": _tokens(most_tokens),
            "stream": _STREAM_FIELD,
        },
        "prompt",
    )


SCHEMAS: Mapping[str, Schema] = {
    "Prompt": _prompt(USUAL_RULES.cloud.most_tokens),
    "LocalPrompt": _prompt(USUAL_RULES.local.most_tokens),
    "ChatPrompt": _object("A prompt.", {"prompt": _words("What to answer."), "stream": _STREAM_FIELD}, "prompt"),
    "Question": _object("A question.", {"text": _words("What to answer."), "stream": _STREAM_FIELD}, "text"),
    "SystemMessage": _object(
        "A message, and how to answer it.",
        {
            "system_prompt": {
                "type": ["string", "null"],
                "description": "How to answer, in place of the configured prompt.",
            },
            "message": _words("What to answer."),
            "tokens": _tokens(USUAL_RULES.cloud.most_tokens),
            "stream": _STREAM_FIELD,
        },
        "message",
    ),
    "Response": _object("The answer.", {"response": {"type": "string"}}, "response"),
    "QuestionAnswer": _object("The answer.", {"text": {"type": "string"}}, "text"),
}

_PROMPT_EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "plain": {"summary": "A prompt", "value": {"prompt": _QUESTION}},
    "tuned": {
        "summary": "With every field",
        "value": {"prompt": _QUESTION, "temperature": 0.7, "top_p": 0.9, "max_tokens": 500},
    },
}
_CHAT_EXAMPLES = {"plain": {"summary": "A prompt", "value": {"prompt": _QUESTION}}}


def _sample(path: str, body: str) -> tuple[Mapping[str, str], ...]:
    """How to call an address from a terminal, from Python and from JavaScript."""
    url = f"http://127.0.0.1:8000{path}"
    return (
        {
            "lang": "Shell",
            "label": "curl",
            "source": f"""\
curl {url} \\
  -H "x-api-key: $TOLLBAR_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{body}'
""",
        },
        {
            "lang": "Python",
            "label": "requests",
            "source": f"""\
import requests

answer = requests.post("{url}", headers={{"x-api-key": TOLLBAR_KEY}}, json={body})
print(answer.json())
""",
        },
        {
            "lang": "JavaScript",
            "label": "fetch",
            "source": f"""\
const answer = await fetch("{url}", {{
  method: "POST",
  headers: {{ "x-api-key": process.env.TOLLBAR_KEY, "content-type": "application/json" }},
  body: JSON.stringify({body}),
}});
console.log(await answer.json());
""",
        },
    )


_GENERATE = Operation(
    tag="Simple",
    summary="Answer a prompt",
    description=f"The default model answers. {_STREAM}",
    body="Prompt",
    body_examples=_PROMPT_EXAMPLES,
    answer="Response",
    example={"response": _ANSWER},
    errors=CALL,
    headers=ANSWERED,
    streams={"text/event-stream": STREAM_EXAMPLE},
    samples=_sample("/generate", '{"prompt": "What is a token bucket?"}'),
    parameters=("stream",),
)
_CHAT = replace(
    _GENERATE,
    summary="Answer a prompt as a chat completion",
    description="The default model answers or, when it is not to be had, the default local one. With "
    "`?stream=true` the answer is a stream of OpenAI's chunks.",
    body="ChatPrompt",
    body_examples=_CHAT_EXAMPLES,
    answer="ChatCompletion",
    example=COMPLETION_EXAMPLE,
    streams={"text/event-stream": CHAT_STREAM_EXAMPLE},
    samples=_sample("/chat", '{"prompt": "What is a token bucket?"}'),
)
_GET_SAMPLES = (
    {
        "lang": "Shell",
        "label": "curl",
        "source": """\
curl -G http://127.0.0.1:8000/response \\
  -H "x-api-key: $TOLLBAR_KEY" \\
  --data-urlencode "message=What is a token bucket?"
""",
    },
    {
        "lang": "Python",
        "label": "requests",
        "source": """\
import requests

question = {"message": "What is a token bucket?", "tokens": 200}
answer = requests.get("http://127.0.0.1:8000/response", headers={"x-api-key": TOLLBAR_KEY}, params=question)
print(answer.json())
""",
    },
    {
        "lang": "JavaScript",
        "label": "fetch",
        "source": """\
const question = new URLSearchParams({ message: "What is a token bucket?" });
const answer = await fetch(`http://127.0.0.1:8000/response?${question}`, {
  headers: { "x-api-key": process.env.TOLLBAR_KEY },
});
console.log(await answer.json());
""",
    },
)
_RESPOND = replace(
    _GENERATE,
    summary="Answer a message under a system prompt",
    description=f"Without a body the fields are taken from the address's parameters. {_STREAM}",
    body="SystemMessage",
    body_examples={
        "plain": {
            "summary": "With a system prompt",
            "value": {"system_prompt": "Answer in ten words.", "message": _QUESTION, "tokens": 200},
        }
    },
    samples=_sample("/response", '{"message": "What is a token bucket?", "tokens": 200}'),
)
OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", "/generate"): _GENERATE,
    ("POST", "/generate/{model_name:path}"): replace(
        _GENERATE,
        summary="Answer a prompt with a model",
        description=f"The model in the address answers; its name may hold slashes. {_STREAM}",
        errors=(InvalidModel, *(error for error in CALL if error is not UnknownModel)),
        samples=_sample("/generate/tollbar-guide", '{"prompt": "What is a token bucket?"}'),
    ),
    ("POST", "/local/generate"): replace(
        _GENERATE,
        summary="Answer a prompt with the local model",
        description="The default local model answers. With `?stream=true` the answer is `text/plain`, sent as it "
        "is made, and a failure breaks the connection off; a caller that accepts `text/event-stream` gets events "
        "as from `/generate`.",
        body="LocalPrompt",
        streams={"text/plain": _ANSWER, "text/event-stream": STREAM_EXAMPLE},
        samples=_sample("/local/generate", '{"prompt": "What is a token bucket?"}'),
    ),
    ("POST", "/question"): replace(
        _GENERATE,
        summary="Answer a question",
        body="Question",
        body_examples={"plain": {"summary": "A question", "value": {"text": _QUESTION}}},
        answer="QuestionAnswer",
        example={"text": _ANSWER},
        samples=_sample("/question", '{"text": "What is a token bucket?"}'),
    ),
    ("POST", "/chat"): _CHAT,
    ("POST", "/local-chat"): replace(
        _CHAT,
        summary="Answer a prompt with the local model, as a chat completion",
        description="The default local model answers. With `?stream=true` the answer is a stream of OpenAI's chunks.",
        samples=_sample("/local-chat", '{"prompt": "What is a token bucket?"}'),
    ),
    ("POST", "/response"): _RESPOND,
    ("GET", "/response"): replace(
        _RESPOND,
        description=f"The fields are taken from the address's parameters or, if there is one, from a JSON body "
        f"like that of `POST`. {_STREAM}",
        body=None,
        body_examples={},
        parameters=("message", "system_prompt", "tokens", "stream"),
        samples=_GET_SAMPLES,
    ),
}
