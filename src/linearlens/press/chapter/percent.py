"""Files of cells as jupytext writes them, ``# %% HEAD`` above each."""

import re

HEAD = re.compile(r"^# %%(?: (.*))?\n", re.M)
MARKDOWN = "[markdown]"  # at the end of the head of text, which stands in comments


def cells_in(text: str) -> list[tuple[str, str]]:
    """Head and body of each cell; what stands before the first belongs to none.

    Examples
    --------
    >>> cells_in("# %% a [markdown]\\n# Words.\\n\\n# %%\\nx = 1\\n")
    [('a [markdown]', '# Words.'), ('', 'x = 1')]
    """
    _, *rest = HEAD.split(text)
    return [((head or "").strip(), body.strip()) for head, body in zip(rest[::2], rest[1::2], strict=True)]


def title_in(head: str) -> str | None:
    """What stands before ``[markdown]`` in the head of text; None for the head of code."""
    return head.removesuffix(MARKDOWN).strip() if head.endswith(MARKDOWN) else None


def words_in(body: str) -> str:
    """Text without its comment signs."""
    return re.sub(r"^# ?", "", body, flags=re.M)
