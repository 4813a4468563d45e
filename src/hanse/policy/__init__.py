"""May this actor do this with this thing, and by which rule: in come an actor, an action and a marked thing.

Out come a decision with its reasons, and lists of what an actor may have. Every page, API answer, export,
search and correlation gets its objects here. `decision`, `actions`, `roles` and `consultation` need no Django.
"""
