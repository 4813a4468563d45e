"""A node as a running service: made, served, upgraded, backed up, restored, checked. Part of the composition layer.

In come a home folder and its settings; out go processes and their health. Who uses it: `hanse node`.
"""
