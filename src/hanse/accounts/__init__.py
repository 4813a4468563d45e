"""People and what they may be: passkeys, issuers, roles, teams, tokens, the two-person rule, the log of consultations.

In come sign-ins and decisions about people; out goes the actor of every request. Every page and service uses it.
"""
