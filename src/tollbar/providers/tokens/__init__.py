"""How many tokens a request has in the vocabulary of OpenAI's newer models, counted by a process of its own."""
