"""What functions do: one summary a function and frame, with handlers, deadlines and sides worked in."""
