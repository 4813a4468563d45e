"""Between authorities: partners, what is sent to them, and what they sent, read as one ledger reads another.

In come the partners' signed entries; out go the entries addressed to each of them, proven and sealed.
It knows no kinds: rooms say who handles which (`handlers`), and send with `sending`.
"""
