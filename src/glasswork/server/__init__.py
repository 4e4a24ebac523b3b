"""The Starlette app: the gate, one socket, jobs in workers, static files.

`run.serve` starts it; `app.create_app` makes it without a port of its own.
"""
