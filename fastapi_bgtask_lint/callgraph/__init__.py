"""The call graph: what each function does itself and what it calls, and searches over it.

A node is a function in a context. `graph.CallGraph` reads the body of a node once, into edges and leaves (`body`), each
with what covers it (`covers`): handlers, context managers, deadlines, decorators. Everything else asks the graph: what
a task does (`search`), who calls a function (`callers`), what a registration runs (`targets`), how a function can end
(`exits`).
"""
