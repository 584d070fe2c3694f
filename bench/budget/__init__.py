"""The performance budget: what an event may cost, in figures that no other work on the machine can change.

    counting    how much Python a piece of work executes
    cores       the figures of the rules: ingest, scorer, benefits, and one step of the runner
    sizes       the figures in bytes: messages, states, the outbox
    accepted    the figures as they were accepted, and the comparison

`python -m bench.budget` says what is over the budget, or well below it; `python -m bench.budget accept` takes the
figures of now. Statements are counted where there is a database: tests/integration/test_statements.py.
"""
