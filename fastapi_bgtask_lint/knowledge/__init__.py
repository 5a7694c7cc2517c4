"""The table of libraries: what their calls do, as data.

Each `*.toml` beside this module describes a family of libraries in rows, and `load` reads them all into one `Table`.
Names are qualified, a method is `module.Class.method`. Keys of the files:

`[distributions]`  module = the name of its pip distribution. A module that is not listed is the standard library's.
`[aliases]`        "other.public.name" = "canonical.name", for modules, classes and functions; what is below follows.

`[[row]]` a callable:
  names             its qualified names; with `of = ["module.Class", ...]` they are methods of each of these classes
  kind              network, sleep, process, database, file, cpu, lock or none (the default): what it spends its time on
  metadata          a file operation that touches no content (unlink, exists, mkdir, stat)
  blocks            it blocks the calling thread, and with it the event loop
  awaitable         "no"; "coroutine": a coroutine function; "awaitable": gives an awaitable, is no such function
  fails             it can fail; by default what is network, process, database, file or lock
  cleanup           it only ends something (close, unlink, rmtree)
  waits             it waits for a remote side, a process or another thread, and so wants a timeout
  timeout           the name of its timeout argument
  position          that argument's place among the positional ones, from 0, `self` not counted; absent: keyword only
  default           the bound in seconds when nothing is said, or "none": unbounded. Read from the library's own source
  older             { below = "version", default = ... }: the default in releases before that version
  unbounded-words   literals that switch the timeout off, as written in Python; ["None"] by default
  governed          "client": the timeout of the client bounds it, whose constructor's row names the argument; of a call
                    that makes a further object (a pipeline), the same client bounds the calls of that object
  pool              the name of a client's argument for a connection pool, whose construction then states the timeout
  by-argument       { argument, position, value }: with this literal it does not wait (Queue.get(block=False))
  returns           the type of its value, after awaiting when it is awaitable; "list[X]" for a list of X
  enters            the type that `with` on its value binds, where that is not `returns`
  decorator         as a decorator it "keeps" signature and async-ness, "hides" async-ness, makes a "context" manager,
                    "binds" arguments, "replaces" the function by something else
  runs              it runs a callable or an awaitable: on a "thread", in a "process", by "await" here, as a task of the
                    "loop", on a "new-loop", by a plain "call", or later by a "schedule"
  runs-argument     which argument that is: place from 0, keyword, or "*" for all
  forwards          the arguments after it go to the callable
  detached          the caller does not wait for it
  wraps             it does not run the callable but gives a callable that does
  deadline          the argument with the seconds of a deadline: place or keyword
  deadline-raises   whether running out raises; false when the block is just left
  catches           exceptions that a `with` on it swallows; ["arguments"]: those that it is given
  entity            what becomes of the mapped class of a query: a query of its class argument "selects" it, a session
                    "carries" it from the statement argument to the result, methods keep it ("keeps"), or give "one"
                    object, "all" as a list, a "row", "rows"; a session "gets" one by its class or "fetches" one by a
                    statement
  writes            it changes what a database holds
  endless           a retry that goes on without bound unless one of these arguments is given ([]: always)
  instead           what to use on the event loop in its place

`[[type]]` a class:
  names             canonical name first, then other public names of the same class
  bases             its bases, as far as the table names them
  closes            leaving `with` ends its life
  closers           methods that end its life
  session           a database session or connection: one unit of work of one owner
  factory           makes sessions and is none (sessionmaker, engine, pool)
  silent            may be handed on after its `with` (locks, spans, task groups)
  asyncio-object    belongs to one event loop, as its connections do: not for threads, nor for another loop
  attributes        { name = type }: types of attributes
  self-like         attributes that are namespaces of the same calls (`client.chat.completions`)
  attributes-default  the type of every attribute that is neither listed nor a method (`client.database.collection`)
  methods-default   a row without names: what each method does that has no row of its own

Users add to the table from their configuration by `Table.extended`.
"""

from __future__ import annotations

from fastapi_bgtask_lint.knowledge.table import ByArgument, DefaultTimeout, Older, Row, Table, TypeRow, load

__all__ = ["ByArgument", "DefaultTimeout", "Older", "Row", "Table", "TypeRow", "load"]
