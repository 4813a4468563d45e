"""What pages and the API are made with: guarded views, dense lists, forms, long work, security headers.

In come requests with an actor; out go pages, problems and progress. Every room above uses it; it knows none of them.
"""
