"""The report: one HTML file that opens offline.

In: attacks, their traces and campaigns, and the account of what was read. Out: one page with the
finding, its pictures, its evidence and its limits. Used by: the shell and the exercise.
"""

from hanse.campaigns.report.findings import Findings
from hanse.campaigns.report.page import render, write

__all__ = ["Findings", "render", "write"]
