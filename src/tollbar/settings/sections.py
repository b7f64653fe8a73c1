"""The sections that say how the gateway runs: where it listens, what it keeps, how long it waits."""

from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from tollbar.settings.fields import Networks, Origins, SecretText, Section, WebAddress, setting

MEBIBYTE = 1_048_576


class Server(Section):
    """Where Tollbar listens, whom it believes, and how it stops."""

    host: str = setting(
        "127.0.0.1", "The address to listen on. 0.0.0.0 and :: reach every interface.", environment=("API_HOST",)
    )
    port: int = setting(
        8000, "The port to listen on; 0 lets the system choose.", environment=("API_PORT", "PORT"), bounds=(0, 65_535)
    )
    workers: int = setting(
        1,
        "How many processes serve; one for each core that Tollbar may fill. They share the store, the rates and the "
        "address.",
        environment=("TOLLBAR_WORKERS",),
        bounds=(1, 60),
    )
    public_url: WebAddress | None = setting(
        None, "How browsers reach Tollbar, where that is not an address in numbers: https://llm.example.org."
    )
    drain_seconds: float = setting(
        30.0, "How long a stopping server lets running calls finish.", unit="seconds", bounds=(0, 3_600)
    )
    drain_delay_seconds: float = setting(
        0.0,
        "How long a stopping server still takes connections, though it reports not ready, so that a load balancer can "
        "notice.",
        unit="seconds",
        bounds=(0, 600),
    )
    trusted_proxies: Networks = setting(
        (), "The networks of proxies whose X-Forwarded-For is believed. Nobody is, unless listed."
    )

    query_key: bool = setting(
        False,
        "Read ?api_key=KEY on /response, and ?key=KEY under /v1beta, for callers that can send no header. It is kept "
        "out of our logs; what lies on the way may log it.",
    )
    documents: bool = setting(True, "Show /docs, /redoc and /openapi.json to everybody. Without it they are not there.")

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class Cors(Section):
    """Which web pages may have their visitors' browsers call Tollbar."""

    origins: Origins = setting(
        (),
        "The sites whose pages may, such as https://app.example; `*` is any. They reach what a key for calls opens, "
        "and never administration. None listed means none, or with ENV=development any.",
    )


class Logging(Section):
    """Where the log goes beside standard error."""

    file: str = setting(
        "app.log", "A file for the log, in the data directory unless the path is absolute; empty for none."
    )
    max_bytes: int = setting(
        16 * MEBIBYTE, "How large the file becomes before another is begun.", unit="bytes", bounds=(4_096, None)
    )
    keep: int = setting(5, "How many earlier files are kept, as app.log.1 and so on.", bounds=(1, 1_000))
    format: Literal["auto", "json", "text"] = setting(
        "auto",
        "How a line is written: `json` for programs, `text` for people. `auto` is `text` on a terminal, and `json` "
        "elsewhere and in the file.",
    )


class Input(Section):
    """How much one request may bring."""

    max_body_bytes: int = setting(
        32 * MEBIBYTE,
        "The largest body on dialect endpoints such as /v1/chat/completions.",
        unit="bytes",
        bounds=(1, None),
    )
    max_simple_body_bytes: int = setting(
        MEBIBYTE,
        "The largest body on simple endpoints such as /generate.",
        unit="bytes",
        bounds=(1, None),
    )
    max_messages: int = setting(10_000, "The most messages of one request.", bounds=(1, None), planned=True)
    max_tools: int = setting(512, "The most tools of one request.", bounds=(0, None), planned=True)
    max_choices: int = setting(128, "The most choices (`n`) of one request.", bounds=(1, None), planned=True)
    max_simple_characters: int = setting(
        1_000,
        "The longest prompt, message or text on simple endpoints.",
        unit="characters",
        bounds=(1, None),
    )
    max_simple_tokens: int = setting(
        16_384, "The longest answer that may be asked for on simple endpoints.", unit="tokens", bounds=(1, None)
    )
    max_simple_local_tokens: int = setting(2_000, "The same on /local/generate.", unit="tokens", bounds=(1, None))


class Ledger(Section):
    """How money is kept."""

    durability: Literal["process", "power"] = setting(
        "process",
        "What a charge survives before its answer ends: `process` a killed process, `power` also a power cut, at the "
        "price of a disk flush.",
    )
    strict: bool = setting(False, "Refuse a call whose upper bound does not fit into what an allowance has left.")
    clamp: bool = setting(
        False,
        "Lower max_tokens of a call so that its upper bound fits into what an allowance has left. "
        "The header `x-tollbar-clamped` says so.",
    )


class Requests(Section):
    """What is kept of each call, for people."""

    retention_days: int = setting(30, "How long the record of a call is kept.", unit="days", bounds=(1, 3_650))
    log_bodies: bool = setting(
        False, "Keep prompts and answers with the records. They are never logged otherwise.", planned=True
    )


class TimeoutOverrides(Section):
    """Time-outs of one provider or model that differ from the general ones."""

    connect_seconds: float | None = setting(None, "To reach the provider.", unit="seconds", bounds=(0.01, None))
    write_seconds: float | None = setting(None, "To send it the request.", unit="seconds", bounds=(0.01, None))
    first_byte_stream_seconds: float | None = setting(
        None, "Until a streamed answer begins.", unit="seconds", bounds=(0.01, None)
    )
    first_byte_plain_seconds: float | None = setting(
        None, "Until an answer that is not streamed begins.", unit="seconds", bounds=(0.01, None)
    )
    between_bytes_seconds: float | None = setting(
        None, "The longest silence within an answer.", unit="seconds", bounds=(0.01, None)
    )
    total_seconds: float | None = setting(None, "For the whole call.", unit="seconds", bounds=(0.01, None))


class Timeouts(Section):
    """How long one attempt at a provider may take."""

    connect_seconds: float = setting(10.0, "To reach the provider.", unit="seconds", bounds=(0.01, None))
    write_seconds: float = setting(10.0, "To send it the request.", unit="seconds", bounds=(0.01, None))
    first_byte_stream_seconds: float = setting(
        300.0, "Until a streamed answer begins.", unit="seconds", bounds=(0.01, None)
    )
    first_byte_plain_seconds: float = setting(
        600.0, "Until an answer that is not streamed begins.", unit="seconds", bounds=(0.01, None)
    )
    between_bytes_seconds: float = setting(
        120.0, "The longest silence within an answer.", unit="seconds", bounds=(0.01, None)
    )
    total_seconds: float = setting(3_600.0, "For the whole call.", unit="seconds", bounds=(0.01, None))
    simple_attempt_seconds: float = setting(
        30.0,
        "For one attempt on the simple endpoints, from connecting to the last byte.",
        unit="seconds",
        environment=("REQUEST_TIMEOUT",),
        bounds=(0.01, None),
    )
    simple_total_seconds: float = setting(
        100.0,
        "For a whole call on the simple endpoints, all attempts together.",
        unit="seconds",
        bounds=(0.01, None),
    )


class Retries(Section):
    """How often a call is tried again."""

    attempts: int = setting(3, "The most attempts of one call, over all its targets.", bounds=(1, 5))


class Egress(Section):
    """How providers are reached."""

    proxy: WebAddress | None = setting(None, "An HTTP proxy for calls to providers that are not on this machine.")
    ca_file: Path | None = setting(None, "Certificates of authorities to trust beside the system's, as a PEM file.")


class Defaults(Section):
    """What the simple endpoints use where a request says nothing. Nothing is ever added to a dialect's call."""

    temperature: float = setting(
        0.7,
        "How freely a model chooses its words.",
        environment=("LLM_TEMPERATURE", "DEFAULT_TEMPERATURE"),
        bounds=(0, 2),
    )
    max_tokens: int = setting(
        1_000,
        "The longest answer.",
        unit="tokens",
        environment=("LLM_MAX_TOKENS", "DEFAULT_MAX_TOKENS"),
        bounds=(1, 16_384),
    )
    system_prompt: str = setting("", "The system prompt; empty for none.", environment=("LLM_SYSTEM_PROMPT",))
    local_temperature: float = setting(
        0.0, "How freely a local model chooses its words, on /local/generate and /local-chat.", bounds=(0, 2)
    )
    local_top_p: float = setting(
        0.9, "From how much of the probability a local model chooses its words, there.", bounds=(0, 1)
    )
    local_max_tokens: int = setting(500, "The longest answer of a local model, there.", unit="tokens", bounds=(1, None))


class LanguageModel(Section):
    """One model of one OpenAI-compatible server, for installations that need no more than environment variables."""

    base_url: WebAddress | None = setting(None, "The server's address, with its /v1.", environment=("LLM_BASE_URL",))
    model: str | None = setting(None, "The model's name there.", environment=("LLM_MODEL",))
    api_key: SecretText | None = setting(None, "The key that the server wants.", environment=("LLM_API_KEY",))


class Vendors(Section):
    """Where two vendors are found when they are not at their usual address."""

    openai_base_url: WebAddress | None = setting(
        None, "In place of OpenAI's own address.", environment=("OPENAI_BASE_URL",)
    )
    ollama_host: str | None = setting(
        None, "Where Ollama listens, as host:port or address.", environment=("OLLAMA_HOST",)
    )


class RotatingKey(Section):
    """The key that changes by itself every week."""

    admin_secret: SecretText | None = setting(
        None,
        "Shows the rotating key to whoever sends it to /current-key; without it there is no such key.",
        environment=("ADMIN_SECRET",),
    )
    grace_seconds: int = setting(
        0, "How long a key works on after it was replaced.", unit="seconds", bounds=(0, 604_800)
    )
    derived: bool = setting(
        False,
        "Derive the key from the admin secret and the week, for places whose disk is lost at each start. The secret "
        "must then be hard to guess.",
    )
