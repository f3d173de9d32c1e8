"""The prose of a chapter, sentence by sentence: what each one mentions, and which one compares without showing it.

A sentence that says "better", "all" or "nearly" states a result. In a section of results it has to carry the number it
rests on, ``{glue:text}`…` `` or ``{paper}`…` ``, or name its claim, ``{claim}`words <id>` ``; or a list has to say why
it needs neither.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from linearlens.paths import DATA
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.notebooks import cells_of
from linearlens.press.chapter.prose import FENCE, PROSE_DIRECTIVES

ALLOWED = DATA / "comparisons.yml"
# "Beats" only with its object: a chapter is about those of the heart.
COMPARES = re.compile(
    r"\b(?:better|best|worse|worst|(?<!one )more|less|fewer|fewest|than|never|always|every|none|only"
    r"|nearly|almost|hardly|barely"
    r"|as (?:well|good|bad|often|much|many|far|few|large|small|long|short|high|low|fast|slow) as"
    r"|(?:large|close)(?:r|st)|(?:small|high|low|long|short|strong|weak|great|fast|slow|near)e(?:r|st)|equally|wins?"
    r"|beats?(?= (?:the|an?|it|them|all|any|both|each|every|your|our|its|chance|doing|persistence|extrapolation|PCA))"
    r"|(?<!at )(?<!after )all|(?<!at )(?:most|least(?![- ]squares)))\b",
    re.I,
)
NO_RESULTS = re.compile(r"$|Before you begin|Exercises|Limits|Project|What this lens cannot see|What is left out")
TASKS = {"exercise", "solution", "hint"}
ROLE = re.compile(r"\{(?P<role>[\w:]+)\}`(?P<text>[^`]*)`")
NAMED = re.compile(r"(?P<words>.*?)\s*<(?P<id>[\w.]+)>\s*", re.S)
QUIET = re.compile(r"\{[\w:]+\}`[^`]*`|`[^`]*`|\$[^$]*\$|\]\([^)]*\)")  # what a comparison is not looked for in
# The end of a sentence, but not after what is abbreviated.
END = re.compile(
    r"(?<!\b[A-Z])(?<!Fig|Sec|App)(?<!Eq)(?<!\bal|\bvs)(?<!e\.g|i\.e)[.!?][)*\"”]*\s+(?=[\"“(*]*[A-Z{$\[`])"
)
ITEM = re.compile(r"\s*(?:[-*]|\d+\.)\s+")


@dataclass(frozen=True)
class Mention:
    """A number that a sentence shows, `spec` being its format, or a claim that it names."""

    kind: str  # number or claim
    name: str
    spec: str = ""


@dataclass(frozen=True)
class Sentence:
    """One sentence, row of a table or caption, as it stands in the notebook.

    ``section`` is the heading of the second level above it, and ``inside`` are the directives around it.
    """

    chapter: str
    section: str
    inside: tuple[str, ...]
    text: str

    @property
    def mentions(self) -> list[Mention]:
        """What it shows or names, in its order."""
        return [found for match in ROLE.finditer(self.text) if (found := _mention(match))]

    def filled(self, shown: Callable[[Mention], str]) -> str:
        """Its words without the marks of roles, with what `shown` gives for each number."""

        def word(match: re.Match) -> str:
            if (found := _mention(match)) and found.kind == "number":
                return shown(found)
            named = NAMED.fullmatch(match["text"]) if match["role"] == "claim" else None
            return named["words"] if named else match["text"]

        return ROLE.sub(word, self.text)

    @property
    def compares(self) -> list[str]:
        """Words by which it compares; a question states nothing, nor does what announces a cell or a formula."""
        if self.text.rstrip("*)_ ").endswith(("?", ":", ",")):
            return []
        return [match.group().lower() for match in COMPARES.finditer(QUIET.sub(_words_only, self.text))]

    @property
    def shows(self) -> bool:
        """Whether it shows a number, of ours or of a paper, or names a claim."""
        return bool(self.mentions) or "{paper}`" in self.text

    @property
    def tells_results(self) -> bool:
        """Whether it stands where results are told."""
        return not (NO_RESULTS.match(self.section) or TASKS & {*self.inside})


def _mention(match: re.Match) -> Mention | None:
    role, text = match["role"], match["text"]
    if role == "glue:text":
        name, _, spec = text.partition(":")
        return Mention("number", name, spec)
    if role == "claim" and (named := NAMED.fullmatch(text)):
        return Mention("claim", named["id"])
    return None


def _words_only(match: re.Match) -> str:
    """Of a claim the words, of all else nothing."""
    named = NAMED.fullmatch(match.group().partition("`")[2][:-1]) if match.group().startswith("{claim}") else None
    return named["words"] if named else " "


def sentences_of(chapter: str) -> list[Sentence]:
    """The text of a chapter and its captions, in the order of the page."""
    found: list[Sentence] = []
    section = ""
    for cell in cells_of(chapter):
        if cell["cell_type"] == "markdown":
            text = cell["source"]
        else:
            figures = (cell["metadata"].get(key, {}).get("figure", {}) for key in ("mystnb", "linearlens"))
            text = next((figure["caption"] for figure in figures if "caption" in figure), "")
        for inside, paragraph in paragraphs(text):
            if paragraph.startswith("#"):
                marks, _, heading = paragraph.partition(" ")
                section = heading if marks == "##" else section
            else:
                found += [Sentence(chapter, section, inside, one) for one in split(paragraph)]
    return found


def paragraphs(markdown: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Paragraphs, headings, items of lists and rows of tables, each with the names of the directives around it.

    Examples
    --------
    >>> list(paragraphs("A line,\\nanother.\\n- An item.\\n:::{note} Title\\nInside.\\n:::"))
    [((), 'A line, another.'), ((), '- An item.'), (('note',), 'Inside.')]
    """
    around: list[tuple[str, str]] = []
    lines: list[str] = []
    formula = False
    for line in [*markdown.split("\n"), ""]:
        fence = FENCE.match(line)
        bare = line.strip()
        alone = fence or not bare or bare[0] in "|#" or bare.startswith("$$") or bool(lines and lines[0][0] in "|#")
        if lines and (alone or ITEM.match(line)):
            yield tuple(name for _, name in around), " ".join(lines)
            lines = []
        if fence and around and bare == around[-1][0]:
            around.pop()
        elif fence:
            around.append((fence.group(1), (fence.group(2) or "").strip("{}")))
        elif bare.startswith("$$"):
            formula = not formula and bare.count("$$") == 1
        elif bare and not formula and not _is_no_prose(bare, [name for _, name in around]):
            lines.append(bare)


def _is_no_prose(line: str, around: Sequence[str]) -> bool:
    code = any(name not in PROSE_DIRECTIVES for name in around)
    return code or bool(re.match(r":[\w-]+:(\s|$)|\|[-:| ]+\|$", line))


def split(paragraph: str) -> list[str]:
    """Its sentences.

    Examples
    --------
    >>> split("It is better, see Fig. 2 of Li et al. It is not. {glue:text}`a.b:.2f` is more.")
    ['It is better, see Fig. 2 of Li et al. It is not.', '{glue:text}`a.b:.2f` is more.']
    """
    if paragraph.startswith("|"):
        return [paragraph]
    ends = [match.end() for match in END.finditer(paragraph)]
    return [paragraph[start:end].strip() for start, end in zip([0, *ends], [*ends, None], strict=True)]


# The lint.


def unshown(sentences: Iterable[Sentence]) -> list[Sentence]:
    """Sentences of results that compare, and neither show a number nor name a claim."""
    return [one for one in sentences if one.tells_results and one.compares and not one.shows]


def read_allowed(path: Path | None = None) -> dict[str, dict[str, list[str]]]:
    """The sentences that need none, by how they begin: of each chapter, under the reason they share.

    Raises
    ------
    PressError
        If the file cannot be read, or is not made so.
    """
    import yaml

    path = path or ALLOWED
    try:
        listed = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:  # nothing is excused
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise PressError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    if not _are(dict, [listed]) or not all(_are(dict, [one]) and _are(list, one.values()) for one in listed.values()):
        raise PressError(f"{path}: need, for each chapter, reasons, and under each a list of how sentences begin")
    return listed


def _are(kind: type, values: Iterable[object]) -> bool:
    return all(isinstance(value, kind) for value in values)


def unexcused(sentences: Iterable[Sentence], allowed: Mapping[str, Sequence[str]]) -> list[Sentence]:
    """Of `unshown` sentences those that the list does not name; `allowed` as for `complaints`."""
    starts = tuple(start for group in allowed.values() for start in group)
    return [one for one in unshown(sentences) if not one.text.startswith(starts)]


def complaints(sentences: Sequence[Sentence], allowed: Mapping[str, Sequence[str]]) -> list[str]:
    """What is wrong in one chapter: sentences that compare and show nothing, and entries of the list without use.

    Parameters
    ----------
    sentences : sequence of Sentence
        As from `sentences_of`.
    allowed : mapping of a reason to how the sentences begin that it excuses
    """
    found = unexcused(sentences, allowed)
    said = [f"shows no number and names no claim ({', '.join(one.compares)}): {one.text}" for one in found]
    starts = [start for group in allowed.values() for start in group]
    unused = [start for start in starts if sum(one.text.startswith(start) for one in unshown(sentences)) != 1]
    return said + [f"data/comparisons.yml excuses not exactly one sentence that begins: {start}" for start in unused]
