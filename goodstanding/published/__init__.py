"""What is published of the files that people write: a JSON Schema of each kind for editors, and the reference of the
scorecard's format. Both are made from the types, by `make contracts`.
"""
