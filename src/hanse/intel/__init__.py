"""What is known: reports, indicators and sightings, in the formats that the field speaks, and what they share.

In come STIX bundles, MISP events, CSV lists and fingerprints; out go the same, correlations and search results.
Who uses it: analysts on its pages, `cases` for its values, and whoever has the node watch a feed.
"""
