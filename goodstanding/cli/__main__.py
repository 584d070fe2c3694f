"""`python -m goodstanding.cli`, where the command is not on the path."""

from goodstanding.cli import app

app()
