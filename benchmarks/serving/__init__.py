"""Serving over loopback: overhead, throughput beside plain apps, soak, overload, reload, start.

Server and load run in processes of their own, each on a core of its own (``--server-core``,
``--load-core``); with one core for both, only ratios mean anything.
"""
