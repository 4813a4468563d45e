"""Template filters of `web`."""
