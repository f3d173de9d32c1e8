"""The press: what makes the book. Each room imports only from rooms above it in this list, and from the library.

``chapter``, ``evidence``, ``running``, ``pages``, ``course``; then ``cli``, the command ``linearlens``, and
``requirements``, which writes down the versions of everything.
"""
