"""Goodstanding at the command line: the local stack, the demo, tools for partners, operators and developers."""
