"""Proofs: what the rules claim, and what the tool takes for granted of FastAPI, seen on the FastAPI that is installed.

Each rule's bad and good example is run. What comes of it is told by the rule's observation, a function named like the
code in lower case, in the file of its family: `returned.py` (BGT0xx, 1xx), `lifetimes.py` (2xx), `event_loop.py` (3xx),
`deadlines.py` (4xx), `registered.py` (5xx). An observation gets the example at work (`Run`) and returns the name of
what it has seen: `works`, or the name of a harm that the rule declares (`Rule.harms`). It must tell from what happened,
never from the version. `test_rules.py` holds that the good example works on every version, and that the bad one does
what the rule declares for the installed one.

`test_semantics*.py` do the same for what the tool knows of FastAPI beyond the rules, one row of the table each.

Outcomes are kept in `results.json`, one column a version, and shown in `RESULTS.md`. A run that sees anything else than
what is kept fails. `nox -s proofs` runs all versions; `WRITE_PROOFS=1` before it writes what is seen, and
`nox -s generated` the page.
"""
