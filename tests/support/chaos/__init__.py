"""A world out of order, from one seed: operators that are killed, cut off and frozen, lost writes, pods that vanish.

`play` plays a seed; `ledger` watches everything that changes and says what must never happen; `verdict` says what must
be true when all is quiet again.
"""
