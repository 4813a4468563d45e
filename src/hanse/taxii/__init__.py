"""The open edge: partners who speak TAXII 2.1 fetch what policy lets them have, and send what they know.

In come requests of edge partners, and shelves of objects that other rooms register; out go STIX objects as they are
stored, and what was sent to whoever takes it in. It knows no kinds of things; MISP and OpenCTI use it.
"""
