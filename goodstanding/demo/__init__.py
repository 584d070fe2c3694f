"""The main job, end to end: a bank's six months become events, scores come out, and what came out is recounted.

`run` is the whole of it. `mistakes` spoils and repeats a few events, as partners do; `watchers` are a partner and a
subscriber, who see topics and nothing else; `recount` computes anew what must have come out; `view` and `bands` show.
"""
