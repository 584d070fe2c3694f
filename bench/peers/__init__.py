"""The same small work, done by the platform's runner and by its peers, each written as its own users would.

work        what the work is: the events, the rules, and the reference that every output is compared with
streams     the topics: writing the events, and reading what came out
accounting  what processes cost, by the operating system's account
measuring   one run: start a peer, let it work, and compare what came out
contenders  who takes part, how each is started, and what was tuned for it

runner_fold.py, KafkaStreamsFold.java, quix_fold.py, bytewax_fold.py, faststream_fold.py
"""
