"""The platform on a stepped clock: a driver moves time on, watchers follow what comes out, a recount compares it."""
