"""A request whose tokens OpenAI has published."""

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
