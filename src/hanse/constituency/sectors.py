"""The sectors of the NIS2 directive (Directive (EU) 2022/2555, Annexes I and II), in short words.

The annexes name 18 sectors. Where the annex has a long name, the word here is its core: "chemicals" for
"manufacture, production and distribution of chemicals", "food" for "production, processing and
distribution of food", "ict service management" for the one between businesses.
"""

HIGH_CRITICALITY = (
    "energy",
    "transport",
    "banking",
    "financial market infrastructures",
    "health",
    "drinking water",
    "waste water",
    "digital infrastructure",
    "ict service management",
    "public administration",
    "space",
)
"""Annex I."""

OTHER_CRITICAL = (
    "postal and courier services",
    "waste management",
    "chemicals",
    "food",
    "manufacturing",
    "digital providers",
    "research",
)
"""Annex II."""

SECTORS = HIGH_CRITICALITY + OTHER_CRITICAL
