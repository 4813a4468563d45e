"""Which attacks belong together, with the evidence for each link, and against whom.

In: attacks with their sources and source classes, the constituency. Out: campaigns with verdict,
evidence and what would refute them; the report. Used by: the shell.
"""
