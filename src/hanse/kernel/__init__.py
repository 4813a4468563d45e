"""The words every room shares: errors, addresses, times, units, countries.

In: nothing. Out: small, pure helpers without I/O. Used by: every room.
"""
