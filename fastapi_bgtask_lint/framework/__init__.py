"""FastAPI and Starlette: where background tasks are registered, by whom, on what, and what belongs to the request."""
