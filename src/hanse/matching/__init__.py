"""Matching: learn that somebody else looks into the same thing, and nothing more.

In come selectors in their normal form and what partners send; out go masked points, tags and tokens, and the hits.
Who uses it: investigators, for the selectors of their cases; `campaigns`, for how many sources two have in common.
"""
