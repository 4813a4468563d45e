"""Filters of the pages of intelligence."""
