"""MyST Markdown as plain Markdown, which Jupyter shows without extensions.

The text is cut at its fences, each directive is written out by a function of its own, and roles are replaced outside
code and formulas. What has no function here is an error that names it, so that no raw directive or role reaches a
reader.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape

from myst_nb.core.variables import format_plain_text

from linearlens.press.chapter.errors import PressError
from linearlens.press.pages.labels import Label
from linearlens.press.pages.references import Reference

FENCE = re.compile(
    r"^(?P<mark>`{3,}|:{3,}|~{3,})[ \t]*(?:\{(?P<name>[\w:-]+)\}[ \t]*(?P<argument>.*)|(?P<code>[\w+-]*)[ \t]*)$"
)
OPTION = re.compile(r"^:([\w-]+):[ \t]*(.*)$")
# A role, or what holds none: code between backticks, a formula.
ROLE = re.compile(
    r"\{(?P<role>[\w:.-]+)\}`(?P<text>[^`]+)`"
    r"|(?P<code>(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<math>(?<!\\)\$\$?[^$]+\$\$?)",
    re.S,
)
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
RAW = re.compile(r"\{[A-Za-z][\w:.-]*\}`|^\s*(`{3,}|:{3,})\s*\{|^:::|^\([\w-]+\)=$", re.M)
# Fenced code in a language or none, and code between one or two backticks.
CODE = re.compile(r"^(`{3,})[^{\n]*\n.*?^\1$|(?<![`}])(`{1,2})(?!`).+?(?<!`)\2(?!`)", re.S | re.M)
ENVIRONMENT = re.compile(r"\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.S)


@dataclass(frozen=True)
class Fence:
    """A fenced block; `name` is None for code."""

    name: str | None
    argument: str
    options: Mapping[str, str]
    body: str
    source: str


@dataclass(frozen=True)
class Chapter:
    """What the text of one chapter refers to.

    Parameters
    ----------
    name : str
    glued : mapping of str to str
        What the chapter glued or recorded under a name, as plain text.
    labels : mapping of str to Label
        Figures, equations and exercises of all chapters.
    references : mapping of str to Reference
    titles : mapping of str to str
        Titles of all chapters by name.
    draw : callable of (str, str), optional
        Makes an image of a glued figure from its name and alt text; without, its caption stands alone.
    """

    name: str
    glued: Mapping[str, str]
    labels: Mapping[str, Label]
    references: Mapping[str, Reference]
    titles: Mapping[str, str] = field(default_factory=dict)
    draw: Callable[[str, str], str] | None = None


def to_plain(text: str, chapter: Chapter) -> str:
    """The text as plain Markdown.

    Raises
    ------
    PressError
        If it holds a directive or role that is not known here, or refers to what does not exist.
    """
    parts = []
    for block in _blocks(text):
        if isinstance(block, str):
            parts.append(_inline(block, chapter))
        elif block.name is None:
            parts.append(block.source)
        else:
            if block.name not in DIRECTIVES:
                raise PressError(f"{chapter.name}: no plain form of the directive {{{block.name}}} is known")
            parts.append(DIRECTIVES[block.name](block, chapter))
    plain = re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).strip()
    prose = CODE.sub("", plain)
    if raw := RAW.search(prose):
        raise PressError(f"{chapter.name}: this would reach readers raw: {prose[raw.start() : raw.start() + 60]!r}")
    return plain


def _blocks(text: str) -> Iterator[str | Fence]:
    """Prose and fenced blocks, in order; a block that is never closed ends with the text."""
    prose: list[str] = []
    lines = iter(text.split("\n"))
    for line in lines:
        found = FENCE.match(line)
        if not found:
            prose.append(line)
            continue
        yield "\n".join(prose)
        prose = []
        body = []
        last = re.compile(rf"^\s*{found['mark'][0]}{{{len(found['mark'])},}}\s*$")
        for inner in lines:
            if last.match(inner):
                break
            body.append(inner)
        options = {}
        source = "\n".join([line, *body, found["mark"]])
        while found["name"] and body and (option := OPTION.match(body[0])):
            options[option[1]] = option[2]
            body.pop(0)
        yield Fence(found["name"], (found["argument"] or "").strip(), options, "\n".join(body).strip("\n"), source)
    yield "\n".join(prose)


# Directives.


def _math(block: Fence, chapter: Chapter) -> str:
    body = block.body
    if "\\\\" in ENVIRONMENT.sub("", body):
        body = f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"
    label = block.options.get("label")
    tag = f" \\tag{{{_label(label, chapter).number}}}" if label else ""
    return f"\n$$\n{body}{tag}\n$$\n"


def _quote(text: str) -> str:
    return "\n" + "\n".join(f"> {line}".rstrip() for line in text.split("\n")) + "\n"


def _details(title: str, body: str) -> str:
    return f"\n<details>\n<summary>{escape(title)}</summary>\n\n{body}\n\n</details>\n"


def _admonition(block: Fence, chapter: Chapter) -> str:
    title = _inline(block.argument, chapter) or str(block.name).capitalize()
    body = to_plain(block.body, chapter)
    if "dropdown" in block.options.get("class", ""):
        return _details(title, body)
    return _quote(f"**{title}**\n\n{body}")


def _dropdown(block: Fence, chapter: Chapter) -> str:
    return _details(block.argument, to_plain(block.body, chapter))


def _exercise(block: Fence, chapter: Chapter) -> str:
    number = _label(block.options["label"], chapter).number
    return f"\n### Exercise {number}: {block.argument}\n\n{to_plain(block.body, chapter)}\n"


def _figure(block: Fence, chapter: Chapter) -> str:
    name = block.options.get("name")
    number = f"**Fig. {_label(name, chapter).number}.** " if name else ""
    caption = f"{number}{' '.join(to_plain(block.body, chapter).split())}"
    if chapter.draw is None:
        return _quote(caption)
    return f"\n{chapter.draw(block.argument, block.options.get('alt', ''))}\n\n{caption}\n"


def _include(block: Fence, chapter: Chapter) -> str:
    """In place of the table of claims, which is made for the page."""
    return "\nThe cells above print each claim where they measure it; the page of this chapter has all in one table.\n"


def _div(block: Fence, chapter: Chapter) -> str:
    return "\n" + to_plain(block.body, chapter) + "\n"


def _edition(block: Fence, chapter: Chapter) -> str:
    """What is true of the quick edition, whose numbers stand in the text."""
    return _div(block, chapter) if block.argument == "quick" else ""


def _proved(block: Fence, chapter: Chapter) -> str:
    kind = (block.name or "").partition(":")[2].capitalize()
    title = f"{kind} ({_inline(block.argument, chapter)})" if block.argument else kind
    return _quote(f"**{title}.** {to_plain(block.body, chapter)}")


ADMONITIONS = ("admonition", "note", "tip", "warning", "important", "hint")
PROVED = ("prf:theorem", "prf:proposition", "prf:lemma", "prf:proof", "prf:definition")
DIRECTIVES: dict[str, Callable[[Fence, Chapter], str]] = {
    "math": _math,
    "dropdown": _dropdown,
    "exercise": _exercise,
    "glue:figure": _figure,
    "include": _include,
    "div": _div,
    "edition": _edition,
    **dict.fromkeys(ADMONITIONS, _admonition),
    **dict.fromkeys(PROVED, _proved),
}


# Roles and links.


def _inline(text: str, chapter: Chapter) -> str:
    def role(match: re.Match) -> str:
        if match["role"] is None:
            return match.group()
        if match["role"] not in ROLES:
            raise PressError(f"{chapter.name}: no plain form of the role {{{match['role']}}} is known")
        return ROLES[match["role"]](match["text"], chapter)

    def link(match: re.Match) -> str:
        target, _, _ = match["target"].partition("#")
        stem = target.rpartition("/")[2].removesuffix(".ipynb")
        if target.endswith(".ipynb"):
            return f"[{match['text'] or chapter.titles[stem]}]({stem}.ipynb)"
        return match.group() if "://" in target else match["text"] or f"the page *{stem.removesuffix('.md')}*"

    return LINK.sub(link, ROLE.sub(role, text))


def _glue_text(text: str, chapter: Chapter) -> str:
    name, _, how = text.rpartition(":") if ":" in text else (text, "", "s")
    if name not in chapter.glued:
        raise PressError(f"{chapter.name} shows {name}, which its last run did not record")
    return format_plain_text(chapter.glued[name], how)


def _label(name: str, chapter: Chapter) -> Label:
    if name not in chapter.labels:
        raise PressError(f"{chapter.name} refers to {name}, which no chapter has")
    return chapter.labels[name]


def _reference(text: str, chapter: Chapter) -> str:
    label = _label(text, chapter)
    shown = f"({label.number})" if label.kind == "eq" else f"{label.shown} {label.number}"
    return shown if label.chapter == chapter.name else f"[{shown}]({label.chapter}.ipynb)"


def _cited(keys: str, chapter: Chapter) -> list[Reference]:
    names = [key.strip() for key in keys.split(",")]
    if missing := [name for name in names if name not in chapter.references]:
        raise PressError(f"{chapter.name} cites {missing[0]}, which book/references.bib lacks")
    return [chapter.references[name] for name in names]


ROLES: dict[str, Callable[[str, Chapter], str]] = {
    "glue:text": _glue_text,
    "paper": lambda text, _: text,
    "given": lambda text, _: text,
    "claim": lambda text, _: text.rpartition("<")[0].strip(),
    "cite:t": lambda keys, chapter: ", ".join(f"{one.authors} ({one.year})" for one in _cited(keys, chapter)),
    "cite:p": lambda keys, chapter: f"({'; '.join(f'{one.authors}, {one.year}' for one in _cited(keys, chapter))})",
    "numref": _reference,
    "eq": _reference,
    "prf:ref": lambda text, _: text.rpartition("<")[0].strip() or text,
    "doc": lambda text, chapter: _inline(f"[]({text}.ipynb)", chapter),
}


def cited_keys(text: str) -> list[str]:
    """Keys of all that a text cites, in order."""
    return [key.strip() for keys in re.findall(r"\{cite:[pt]\}`([^`]+)`", text) for key in keys.split(",")]
