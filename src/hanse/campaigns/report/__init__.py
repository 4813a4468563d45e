"""The report: one HTML file that opens offline.

In: attacks, their traces and campaigns, and the account of what was read. Out: one page with the
finding, its pictures, its evidence and its limits. Used by: the shell and the exercise.

Nothing is imported here: rooms that want its words alone need not load what makes pages.
"""
