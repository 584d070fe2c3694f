"""What is published of the files that people write: a JSON Schema of each kind for editors, and the references of the
scorecard's format and of the mapping language. Both are made from the types, by `make contracts`.
"""
