"""The responses that a project builds, and what its tasks return."""
