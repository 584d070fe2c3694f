"""The one error of the local stack."""


class StackError(Exception):
    """A server could not be had. The message says why, and what to do next."""
