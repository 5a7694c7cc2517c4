"""Across modules: which file is a module, what a name means there, what value an expression can have."""
