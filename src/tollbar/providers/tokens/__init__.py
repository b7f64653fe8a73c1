"""How many tokens a request has in the vocabulary of OpenAI's newer models, counted here and in a process of its own."""
