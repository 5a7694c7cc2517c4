"""Where background tasks are registered, what each registration runs, and whether it is attached to a response."""
