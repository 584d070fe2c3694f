"""The contracts of the topics: names, messages, identifiers, partitions, and what is refused with which code.

Everything here is pure, so that the cores of the services may import it; `published` writes files and
asks git, and is not for them.
"""
