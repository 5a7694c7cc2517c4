"""What functions do: one summary a function and context, with handlers, deadlines and sides worked in."""
