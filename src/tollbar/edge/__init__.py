"""The HTTP edge: turns requests into calls and answers into bytes. FastAPI lives here and nowhere below."""
