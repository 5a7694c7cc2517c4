"""Who calls a function: FastAPI itself, as a path operation, dependency or exception handler, or the project."""
