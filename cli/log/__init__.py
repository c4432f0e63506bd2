"""The log of the terminal tools: every exchange with a model, in one SQLite database.

`schema` builds the tables, `store` writes and reads them, `recorder` wraps a model so that
what it is asked and answers is kept, `consent` knows whether it may be, and `commands` is
what `hf log` and `hf usage` do.
"""
