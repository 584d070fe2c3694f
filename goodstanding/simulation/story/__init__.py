"""The demo that tells a story: invented people over six years, as seven partners tell of them.

`cast` makes up who they are and what they do; `formats` writes that as each partner would; `play` plays it on the
platform and has what came out checked; `ending` shows what a subscriber heard of one of them. What the terminal says
meanwhile and afterwards is written in `goodstanding/simulation/view.py` and `goodstanding/cli/demo.py`.
"""
