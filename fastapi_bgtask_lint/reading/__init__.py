"""Source files in, plain facts out. The only room that knows LibCST's trees."""
