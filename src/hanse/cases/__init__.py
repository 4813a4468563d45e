"""Cases: what an investigation knows, who may know it, and until when it may be kept.

In come people, selectors, tasks, notes and links; out go the case page, what is also known, and what is due.
Who uses it: the team of a case and nobody else, on its pages; `matching` for its selectors.
"""
