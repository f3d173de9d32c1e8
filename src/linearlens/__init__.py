"""Neural networks seen through Koopman operators.

The package behind the book *Linear Lenses*. Each room imports only from rooms above it in this list, and of the four
lenses none knows another:

- ``paths``: where things lie;
- ``datasets``: inputs with labels, made, bundled or downloaded;
- ``models``: the small networks of the chapters, how they are trained and kept;
- ``snapshots``: the states inside a network;
- ``koopman``: operators from trajectories, their spectra, and what they have to beat;
- ``kann``: the first lens, sequence models;
- ``layers``: the second, layers and what may take their place;
- ``instance``: the third, single inputs;
- ``credit``: the fourth, components;
- ``figures``: results drawn;
- ``ledger``: numbers recorded, and what is claimed of them;
- ``press``: what makes the book.
"""

__version__ = "0.1.0"
