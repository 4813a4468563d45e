"""A real node, served by its own command, opened in a real browser."""
