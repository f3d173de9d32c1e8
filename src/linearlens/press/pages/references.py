"""The works the book cites, as words."""

from dataclasses import dataclass
from pathlib import Path

from pybtex.database import Entry, parse_file
from pybtex.richtext import Text

MOST_NAMED = 2


@dataclass(frozen=True)
class Reference:
    """One work: who and when, and a line that says all."""

    authors: str
    year: str
    line: str


def read_references(path: Path) -> dict[str, Reference]:
    """All works of a BibTeX file, by key."""
    return {key: _reference(entry) for key, entry in parse_file(str(path)).entries.items()}


def _reference(entry: Entry) -> Reference:
    people = entry.persons.get("author", [])
    names = [" ".join(str(part) for part in [*one.rich_prelast_names, *one.rich_last_names]) for one in people]
    short = " and ".join(names) if len(names) <= MOST_NAMED else f"{names[0]} et al."
    fields = {name: str(Text.from_latex(value)) for name, value in entry.fields.items()}
    where = next((fields[name] for name in ("journal", "booktitle", "publisher") if name in fields), "")
    link = f"https://doi.org/{fields['doi']}" if "doi" in fields else fields.get("url") or fields.get("note", "")
    parts = [f"{', '.join(names)} ({fields.get('year', 'n.d.')})", f"*{fields['title']}*", where, link]
    return Reference(short, fields.get("year", "n.d."), ". ".join(part for part in parts if part))
