"""What the town is measured against: one FastAPI application over one database.

Written as a good team would in its first week, with the libraries' own
documentation open: SQLAlchemy 2's async ORM, a session per request, response
models, a row lock where money moves. It does the same work and gives the same
answers as the town; it knows nothing of batches, replays of lost answers, or
services that are away. See docs/performance.md.
"""
