"""The contracts of the topics: names, messages, identifiers, partitions, and what is refused with which code.

Everything here but `topic_admin` is pure, so that the cores of the services may import it.
"""
