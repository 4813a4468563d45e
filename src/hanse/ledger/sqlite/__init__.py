"""Django's SQLite backend, in which whoever writes waits in turn; `base` is where Django looks for it."""
