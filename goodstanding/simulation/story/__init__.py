"""The demo that tells a story: invented people over six years, as seven partners tell of them.

`cast` makes up who they are and what they do; `formats` writes that as each partner would; `run` plays it on the
platform and checks what came out; `chart` and `ending` show what a subscriber heard of one of them.
"""
