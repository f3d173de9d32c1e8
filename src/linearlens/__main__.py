"""``python -m linearlens`` is the ``linearlens`` command."""

import sys


def main() -> None:
    """Run the command, or say in one line what it takes: the library alone does without these packages."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="backslashreplace")  # a terminal without such letters
    try:
        from linearlens.press.cli import app

        app(prog_name="linearlens")
    except KeyboardInterrupt:  # before the command could begin
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("linearlens"):
            raise
        sys.exit(f'error: {error.name} is missing, which comes with the extra "book": pip install "linearlens[book]"')


if __name__ == "__main__":
    main()
