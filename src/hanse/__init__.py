"""Hanse: authorities that fight cybercrime defend each other, each master of its own files."""
