"""The table of libraries: what the callables and classes of other distributions and the standard library do, as data.

Each `*.toml` file in this package describes a group of libraries; `load` reads all of them into one `Table`. Names are
qualified; a method is `module.Class.method`. The files have these keys:

`[distributions]`  The pip distribution of a module. A module that is not listed belongs to the standard library.
`[aliases]`        "other.public.name" = "canonical.name", for modules, classes and functions, and so for everything in
                   them. The target is no alias itself.

`[[row]]` describes a callable:
  names             Its qualified names. With `of = ["module.Class", ...]` they are methods of each of these classes.
  kind              What it spends its time on: network, sleep, process, database, file, cpu, lock or none, the default.
  metadata          It is a file operation that does not access the content of a file (unlink, exists, mkdir, stat).
  blocks            It blocks the calling thread, and therefore the event loop.
  awaitable         "coroutine" if it is a coroutine function, "awaitable" if it returns an awaitable without being one,
                    "no" otherwise (the default).
  fails             It can fail at run time. By default what is network, process, database, file or lock can.
  cleanup           It only releases something (close, unlink, rmtree).
  waits             It waits for a remote side, a process or another thread, so it should have a timeout.
  timeout           The name of its timeout argument.
  position          The position of that argument among the positional arguments, from 0, without `self`. Without this
                    key the argument is keyword-only.
  default           The timeout in seconds if the argument is not passed, or "none" for an unbounded wait.
  older             { below = "version", default = ... }: the default in versions before that version. It applies if the
                    project allows only such versions, `default` if it allows none of them.
  unbounded-words   Literals that disable the timeout, in Python syntax. The default is ["None"].
  governed          "client": the timeout of the client applies unless the call passes one. The row of the client's
                    constructor names the argument. An object that a governed call returns, such as a pipeline, has the
                    same client.
  pool              The argument of a constructor that takes a connection pool, whose timeout then applies.
  by-argument       { argument, position, value }: it does not wait if this literal is passed (Queue.get(block=False)).
  returns           The type of its value; of the awaited value if it is awaitable.
  enters            The type that `with` binds, if it differs from `returns`.
  decorator         The effect of a decorator: it "keeps" the signature and being a coroutine function, "hides" being a
                    coroutine function, makes a "context" manager, "binds" arguments, or "replaces" the function by
                    another object.
  runs              It runs a callable or an awaitable: in a "thread", in a "process", by "await", as a task of the
                    "loop", on a "new-loop", by a plain "call", or later by a "schedule".
  runs-argument     The argument with what it runs: a position from 0, a keyword, or "*" for all positional arguments.
  forwards          The arguments that follow are passed to the callable.
  detached          The caller does not wait for it.
  wraps             It does not run the callable but returns a callable that does.
  deadline          The argument with the seconds of a deadline: a position or a keyword.
  deadline-raises   Whether an exception is raised when the deadline expires (the default); otherwise the block is left.
  catches           The exceptions that a `with` statement with it suppresses; ["arguments"] for those that are passed.
  entity            How it handles the mapped class of a query. A query "selects" its class argument. A session
                    "carries" the class from the statement argument to the result, "gets" one instance by its class
                    argument or "fetches" one by a statement. A method of a query or result "keeps" the class, or
                    returns "one" instance, "all" in a list, a "row" or "rows".
  writes            It changes the content of a database.
  endless           It retries without a bound unless one of these arguments is passed ([]: in any case).
  instead           What to use on the event loop.

`[[type]]` describes a class:
  names             The canonical name, then the other public names of the class.
  bases             Its base class, if the table has it.
  closes            Its instances are closed at the end of a `with` statement.
  closers           The methods that close an instance.
  session           Its instances are database sessions or connections: one unit of work with one owner.
  factory           Its instances create sessions and are none (sessionmaker, engine, pool).
  silent            Its instances may be used after their `with` statement (locks, spans, task groups).
  asyncio-object    Its instances are bound to an event loop, or their connections are: they must not be used in another
                    thread or on another loop.
  attributes        { name = type }: the types of attributes.
  self-like         Attributes that have the same methods as the instance (`client.chat.completions`).
  attributes-default  The type of every other attribute that is not a method (`client.database.collection`).
  methods-default   A row without names, for every method that has no row of its own.

`Table.extended` adds the names from the user's configuration.
"""

from __future__ import annotations

from fastapi_bgtask_lint.knowledge.table import ByArgument, DefaultTimeout, Older, Row, Table, TypeRow, load

__all__ = ["ByArgument", "DefaultTimeout", "Older", "Row", "Table", "TypeRow", "load"]
