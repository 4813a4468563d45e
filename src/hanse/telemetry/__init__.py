"""Anything that saw traffic in, one flow table out.

In: captures, NetFlow/IPFIX/sFlow, nfdump, Zeek, CSV, Parquet, live UDP. Out: Arrow batches in
`schema.FLOW`, Parquet partitioned by time. Used by: attacks, exercise, the shell.
"""
