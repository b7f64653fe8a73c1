"""Small real models in GGUF, made in a moment, whose answers are known.

Each is a Llama with weights written by hand: attention and feed-forward add nothing, and the output says which token
follows which. Letters go on to `z`, where the answer ends; digits go round for ever; after one of the dice comes any
of them; `!` is answered with the call of a tool. The chat template puts the user's message last, so an answer goes on
where the message ends: `… x` is answered `yz`, `… 7` with `8901…`. Under a grammar, where the usual successor is not
allowed, the closing signs of JSON are likelier than all else, so that what is begun comes to an end. `layers` and
`hidden` make a model slow: nothing they compute changes an answer.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, LlamaFileType, TokenType

SPECIALS = ("<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>")
WORDS = ('<tool_call>\n{"name": "', "</tool_call>", "th")
END = 256
KINDS_OF_WORDS = (TokenType.USER_DEFINED, TokenType.USER_DEFINED, TokenType.NORMAL)
CALL, CALL_END = END + len(SPECIALS), END + len(SPECIALS) + 1
LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
DICE = "+-*/=%&@"
CLOSERS = ('"', "}", "]", ":", ",")
WIDTH = 288
HEADS = 9
SURE = 12.0
LIKELY = 6.0
TEMPLATE = """
{%- if tools %}<|tool|># Tools\n<tools>{% for tool in tools %}\n{{ tool | tojson }}{% endfor %}\n</tools>
For each call: <tool_call>\n{"name": <name>, "arguments": <arguments>}\n</tool_call>{% endif -%}
{%- for message in messages %}<|{{ message.role }}|>{{ message.content or "" }}
{%- for call in message.tool_calls or [] %}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% endfor -%}
{%- endfor -%}
"""


def bytes_as_letters() -> list[str]:
    """The letter that a byte-level tokenizer writes for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


def successors() -> Iterator[tuple[str, str]]:
    """Which character follows which."""
    yield from itertools.pairwise(LETTERS)
    yield from itertools.pairwise(LETTERS.upper())
    yield from itertools.pairwise(DIGITS + DIGITS[0])
    yield from itertools.product(DICE, DICE)
    yield from ((" ", "a"), ('"', "a"), ("{", '"'), (":", '"'), ("?", "n"), (".", "a"))


def output_weights(vocabulary: int) -> np.ndarray:
    """The logit of each token after each other, scaled for what the norm makes of a unit vector."""
    weights = np.zeros((vocabulary, WIDTH), dtype=np.float32)
    for rank, closer in enumerate(CLOSERS):
        weights[ord(closer), :] = LIKELY - rank / 4
    weights[CALL, :] = LIKELY + 0.5
    weights[END, :] = LIKELY + 1
    for before, after in successors():
        weights[ord(after), ord(before)] = SURE
    for last in "zZ":
        weights[END, ord(last)] = SURE
    weights[END, CALL_END] = SURE
    weights[CALL, ord("!")] = SURE
    return weights / np.float32(WIDTH**0.5)


def write_model(
    path: Path, context: int = 512, layers: int = 1, hidden: int = 32, template: str = TEMPLATE, name: str = "tiny"
) -> Path:
    """A model in a file; returns its path."""
    letters = [*bytes_as_letters(), *SPECIALS, *WORDS]
    writer = GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(len(letters))
    writer.add_file_type(LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(letters)
    writer.add_token_types([*[TokenType.NORMAL] * 256, *[TokenType.CONTROL] * len(SPECIALS), *KINDS_OF_WORDS])
    writer.add_token_merges(["t h"])
    writer.add_eos_token_id(END)
    writer.add_pad_token_id(END)
    writer.add_add_bos_token(False)
    writer.add_chat_template(template)
    writer.add_tensor("token_embd.weight", np.eye(len(letters), WIDTH, dtype=np.float32))
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, dtype=np.float32))
    writer.add_tensor("output.weight", output_weights(len(letters)))
    for layer in range(layers):
        for part in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{part}.weight", np.ones(WIDTH, dtype=np.float32))
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"blk.{layer}.{part}.weight", np.zeros((WIDTH, WIDTH), dtype=np.float32))
        for part, shape in (("ffn_gate", (hidden, WIDTH)), ("ffn_up", (hidden, WIDTH)), ("ffn_down", (WIDTH, hidden))):
            writer.add_tensor(f"blk.{layer}.{part}.weight", np.zeros(shape, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
