"""The Starlette app: the gate, one socket, jobs in workers, static files."""
