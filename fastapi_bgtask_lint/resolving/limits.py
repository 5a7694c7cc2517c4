"""Every limit of the analysis, why it is there, and what is lost by it.

A limit cuts by what is analysed, never by what was analysed before, so that answers do not depend on the order of the
questions.
"""

from __future__ import annotations

MOST_VALUES = 12
"""An expression with more possible values is TOP. Keeps value sets small and cycles short; lost are the members of
large dispatch tables."""
MOST_ARGUMENT_VALUES = 4
"""An argument with more possible values is unknown to the callee. Keeps contexts few."""
MOST_ITEMS = 60
"""A literal with more items is a table of data: its items are unknown. Lost are the functions in large registries."""
NESTING = 6
"""Values that hold values that hold values ... are cut here: collections lose their items, objects the arguments of
their construction. Bounds the height of the lattice; lost is what is packed deeper."""
TEXT = 40
"""A longer string is not kept as an argument's value. Tests compare short words."""
EVALUATIONS = 60_000
"""The recursion limit of the thread that analyses a project: see `reading.deep_stack`."""
CALLERS = 24
"""A function with more callers is analysed for the first of them, by path and line. Lost is what only others do."""
SEARCHED_FILES = 200
"""A name that occurs in more files is too common to be searched for its callers: it counts as having none."""
HANDED_ON = 2
"""How many calls further a parameter is followed to find out whether it is tested there. Each of them has to be read;
lost are tests of what is handed on more often."""
CALL_PATH = 4
"""How many calls may lead from a handler to a registration: the number of paths is a power of it. Lost are the handler
and its arguments where more helpers hand a BackgroundTasks on; the registration itself is still judged."""
REACHABLE_FUNCTIONS = 80
"""How many functions are entered for the uses of a value of the request, nearest first: a handler may run most of a
large project. Lost is what is said of a session where more functions run, and the attributes of an object that others
read."""
CATCHES = 6
"""How many `try` statements that catch only some classes are told apart on one path: each set of them is a state of its
own for every function below. What is raised below more of them counts as caught."""
UNKNOWN_CALLS = 3
"""What a method of the result of a method ... of an unknown function returns is TOP. A loop would make ever longer
chains; nothing is lost, for no row can be found for such a chain."""
DOTTED_NAME = 10
"""An attribute of a library's name with so many dots is TOP. A recursion would make ever longer names."""
