"""A request whose tokens OpenAI has published, and texts whose tokens another implementation has counted."""

SAID = (
    (
        "system",
        "",
        "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
    ),
    ("system", "example_user", "New synergies will help drive top-line growth."),
    ("system", "example_assistant", "Things working well together will increase revenue."),
    (
        *("system", "example_user"),
        "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
    ),
    ("system", "example_assistant", "Let's talk later when we're less busy about how to do better."),
    ("user", "", "This late pivot means we don't have time to boil the ocean for the client deliverable."),
)
MESSAGES = [{"role": role, "content": text, **({"name": name} if name else {})} for role, name, text in SAID]
"""The example of OpenAI's cookbook, in "How to count tokens with tiktoken"."""
PUBLISHED = 124
"""What its API reported for them with GPT-4o."""
COUNTED = (
    ("", 0),
    (" ", 1),
    ("Hello, world!", 4),
    ("tiktoken is great!", 6),
    ("antidisestablishmentarianism", 6),
    ("2 + 2 = 4", 7),
    ("お誕生日おめでとう", 8),
    ("I'LL they've WE'D don't it's", 8),
    ("    def f(x):\n\treturn x ** 2  # Grüße\r\n\r\n\n", 15),
    ("1234567890 3.14159 1,000,000", 15),
    ("👩\u200d👩\u200d👧\u200d👦 🏳️\u200d🌈 🇨🇭 e\u0301 é", 25),
    ("Привет, мир! Съешь ещё этих мягких французских булок.", 17),
    ("مرحبا بالعالم", 4),
    ("नमस्ते दुनिया", 5),
    ("한국어 텍스트입니다", 6),
    ("漢字かな交じり文と、中文标点。", 13),
    ("https://example.com/a/b?c=d&e=%20f#g", 14),
    ('{"a": [1, 2, {"b": null}], "c": "\\u00e9"}', 23),
    ("CamelCaseHTTPServer snake_case_name kebab-case-name", 11),
    ("<|endoftext|> <|im_start|>", 13),
    ("a" * 1_000, 125),
    ("ab " * 300, 301),
    ("\x00\x01\ufeff\u200b\u202e", 5),
    ("ＦＵＬＬ\u3000ｗｉｄｔｈ ﬁ ﬂ Ǆ ǅ ǆ", 29),
    ("∑∫√ ≠ ≤ → ⇒ ½ ² ₃", 17),
    ("\n\n\n   \n\t\t x", 4),
    ("\ud800 lone", 2),
)
"""What js-tiktoken 1.0.21 counts, with the same vocabulary and a code of its own."""
