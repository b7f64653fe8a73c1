"""What a call costs: measured on real processes over real sockets, with everything on that production has on.

`python -m bench` starts a provider's stand-in, Tollbar and a load generator, each a process of its own, and prints one
table. It needs Linux, for it reads CPU time and memory from /proc. It never downloads or installs anything.
"""
