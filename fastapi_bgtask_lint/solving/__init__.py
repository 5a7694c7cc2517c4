"""The solver: every question about a program is answered once, the same whatever was asked before.

It knows nothing of Python or FastAPI: see `solver.Solver`.
"""
