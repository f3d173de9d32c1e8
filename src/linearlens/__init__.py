"""Neural networks seen through Koopman operators.

The package behind the book *Linear Lenses*. Each room imports only from rooms above it in this list:

``datasets``, ``models``, ``snapshots``, ``koopman``, ``figures``, ``ledger``, ``press``.
"""

__version__ = "0.1.0"
