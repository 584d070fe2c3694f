"""A law is about what holds, not about how fast it is seen to hold: a busy machine must not fail one."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("laws", deadline=None)
settings.load_profile("laws")
