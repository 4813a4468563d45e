"""Which hosts and prefixes were attacked, by what vector, and when.

In: the flow table. Out: `Detection`: attacks, and the sources behind each. Used by: tracing,
campaigns, the shell.
"""
