"""What the press says when something cannot be done."""


class PressError(RuntimeError):
    """Something asked of the press cannot be done; the message says what and what to do."""


class DamagedError(PressError):
    """A file is not what was written there: empty, cut, changed by hand, or something else altogether."""
