"""Where attacks apparently come from, said no further than the evidence goes.

In: attacks with their sources, address data. Out: a source class, networks and countries for each.
Used by: campaigns, the shell, the report.
"""
