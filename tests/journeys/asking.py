"""The same questions in six dialects: each function gives the address and the body of one."""

from typing import Any

PICTURE = "iVBORw0KGgo="
PAPER = "JVBERi0xLjQK"
END = "END"
"""A word that ends an answer."""
BRIEF, BEFORE, EARLIER, NOW = "Be very brief.", "Hello there.", "Good morning.", "What now?"
PARAMETERS = {"type": "object", "properties": {"page": {"type": "integer"}}, "required": ["page"]}
TOWN = {
    "type": "object",
    "properties": {"town_name": {"type": "string"}},
    "required": ["town_name"],
    "additionalProperties": False,
}
FUNCTION = {"name": "look_up", "description": "Looks up a page.", "parameters": PARAMETERS}
Fields = dict[str, Any]


def chat(model: str, wish: str, stream: bool) -> tuple[str, Fields]:
    """A chat of OpenAI's."""
    content: Any = NOW
    if wish == "image":
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}
        content = [{"type": "text", "text": NOW}, picture]
    if wish == "document":
        paper = {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PAPER}"}}
        content = [{"type": "text", "text": NOW}, paper]
    more: Fields = {
        "tools": {"tools": [{"type": "function", "function": FUNCTION}]},
        "stop": {"stop": [END]},
        "schema": {
            "response_format": {"type": "json_schema", "json_schema": {"name": "t", "schema": TOWN, "strict": True}}
        },
        "thinking": {"reasoning_effort": "low"},
    }.get(wish, {})
    said = [("system", BRIEF), ("user", BEFORE), ("assistant", EARLIER), ("user", content)]
    messages = [{"role": role, "content": told} for role, told in said]
    usage = {"stream_options": {"include_usage": True}} if stream else {}
    return "/v1/chat/completions", {"model": model, "messages": messages, "stream": stream, **usage, **more}


def text(model: str, wish: str, stream: bool) -> tuple[str, Fields]:
    """An older completion of OpenAI's, which has words for a text alone."""
    prompt = "\n".join((BRIEF, BEFORE, EARLIER, NOW))
    usage = {"stream_options": {"include_usage": True}} if stream else {}
    more: Fields = {"stop": {"stop": END}}.get(wish, {})
    return "/v1/completions", {"model": model, "prompt": prompt, "stream": stream, "max_tokens": 50, **usage, **more}


def responses(model: str, wish: str, stream: bool) -> tuple[str, Fields]:
    """A response of OpenAI's."""
    content: Any = NOW
    if wish == "image":
        picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}", "detail": "auto"}
        content = [{"type": "input_text", "text": NOW}, picture]
    if wish == "document":
        paper = {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PAPER}"}
        content = [{"type": "input_text", "text": NOW}, paper]
    more: Fields = {
        "tools": {"tools": [{"type": "function", **FUNCTION, "strict": False}]},
        "schema": {"text": {"format": {"type": "json_schema", "name": "t", "schema": TOWN, "strict": True}}},
        "thinking": {"reasoning": {"effort": "low", "summary": "auto"}},
    }.get(wish, {})
    items = [
        {"role": role, "content": said} for role, said in (("user", BEFORE), ("assistant", EARLIER), ("user", content))
    ]
    return "/v1/responses", {"model": model, "instructions": BRIEF, "input": items, "stream": stream, **more}


def anthropic(model: str, wish: str, stream: bool) -> tuple[str, Fields]:
    """A message of Anthropic's."""
    content: Any = NOW
    if wish == "image":
        picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}
        content = [picture, {"type": "text", "text": NOW}]
    if wish == "document":
        source = {"type": "base64", "media_type": "application/pdf", "data": PAPER}
        content = [{"type": "document", "source": source}, {"type": "text", "text": NOW}]
    tool = {"name": FUNCTION["name"], "description": FUNCTION["description"], "input_schema": PARAMETERS}
    more: Fields = {
        "tools": {"tools": [tool]},
        "stop": {"stop_sequences": [END]},
        "schema": {"output_config": {"format": {"type": "json_schema", "schema": TOWN}}},
        "thinking": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    }.get(wish, {})
    said = (("user", BEFORE), ("assistant", EARLIER), ("user", content))
    messages = [{"role": role, "content": told} for role, told in said]
    head = {"model": model, "max_tokens": 2048, "system": BRIEF, "stream": stream}
    return "/v1/messages", {**head, "messages": messages, **more}


def gemini(model: str, wish: str, stream: bool) -> tuple[str, Fields]:
    """A generation of Google's."""
    parts: list[Fields] = [{"text": NOW}]
    if wish == "image":
        parts.append({"inlineData": {"mimeType": "image/png", "data": PICTURE}})
    if wish == "document":
        parts.append({"inlineData": {"mimeType": "application/pdf", "data": PAPER}})
    more: Fields = {
        "tools": {"tools": [{"functionDeclarations": [FUNCTION]}]},
        "stop": {"generationConfig": {"stopSequences": [END]}},
        "schema": {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": TOWN}},
        "thinking": {"generationConfig": {"thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": True}}},
    }.get(wish, {})
    said = [("user", [{"text": BEFORE}]), ("model", [{"text": EARLIER}]), ("user", parts)]
    contents = [{"role": role, "parts": told} for role, told in said]
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    body = {"systemInstruction": {"parts": [{"text": BRIEF}]}, "contents": contents, **more}
    return f"/v1beta/models/{model}:{method}", body


def ollama(model: str, wish: str, stream: bool) -> tuple[str, Fields]:
    """A chat of Ollama's."""
    pictures: Fields = {"images": [PICTURE]} if wish == "image" else {}
    more: Fields = {
        "tools": {"tools": [{"type": "function", "function": FUNCTION}]},
        "stop": {"options": {"stop": [END]}},
        "schema": {"format": TOWN},
        "thinking": {"think": True},
    }.get(wish, {})
    said = (("system", BRIEF), ("user", BEFORE), ("assistant", EARLIER))
    messages: list[Fields] = [{"role": role, "content": told} for role, told in said]
    messages.append({"role": "user", "content": NOW, **pictures})
    return "/api/chat", {"model": model, "messages": messages, "stream": stream, **more}
