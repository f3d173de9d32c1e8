"""One trial: a copy of the small project, one fault, one command, and what is to be seen afterwards."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from faults import checks
from faults.attack import Signal, run_and
from faults.processes import end_all, lingering
from faults.project import FIGURE, LIMIT, VALUES, Done, Project, copy_template

FIGURE_COMMAND = ("figure", FIGURE, "-o", "out/line.svg", "--data", "out/line.csv")
PACK_COMMAND = ("pack", "-o", "pack")
SWEEP_COMMAND = ("sweep", "--seeds", "0:2", "--jobs", "2")

Act = Callable[[Project, "Trial"], tuple[Done, bool]]


class Skipped(Exception):
    """This machine cannot do the trial; the message says why."""


@dataclass(frozen=True)
class Trial:
    """A fault and what is right when it comes.

    ``codes`` are the exit codes that are right; a code other than 0 needs a message, which holds one of ``names``, if
    there are any. ``says`` are words of which one must be said whatever the code. ``mend`` is what an author does about
    a fault of the author's own; what the press made needs nobody. ``others`` are chapters that must have run even so,
    ``changes`` files that must be others afterwards (True) or may not (False), ``shows`` files and a text for each.
    """

    name: str
    what: str
    command: tuple[str, ...]
    plant: Callable[[Project], None] = lambda project: None
    signal: Signal | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    codes: frozenset[int] = frozenset({0})
    names: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    mend: Callable[[Project], None] | None = None
    act: Act | None = None
    others: tuple[str, ...] = ()
    changes: tuple[tuple[str, bool], ...] = ()
    shows: tuple[tuple[str, str], ...] = ()
    heals: bool = True
    folder: str = "project"


@dataclass
class Verdict:
    """What was seen: complaints by kind, see `checks.BAD` and `checks.REST`; or why it was skipped."""

    trial: str
    complaints: dict[str, list[str]] = field(default_factory=dict)
    skipped: str | None = None
    late: bool = False
    seconds: float = 0.0
    said: str = ""

    def add(self, kind: str, complaints: list[str]) -> None:
        """Put complaints beside those of the same kind, each once."""
        if complaints:
            known = self.complaints.setdefault(kind, [])
            known.extend(one for one in dict.fromkeys(complaints) if one not in known)


def try_one(trial: Trial, name: str, template: Path, work: Path, module: str, *, heal: bool = True) -> Verdict:
    """Do it in a folder of its own, which is removed afterwards."""
    verdict = Verdict(name)
    folder = Path(tempfile.mkdtemp(prefix="trial-", dir=work))
    project = copy_template(template, folder / trial.folder, name, module)
    try:
        _try(trial, project, verdict, heal=heal and trial.heals)
    except Skipped as reason:
        verdict.skipped = str(reason)
    finally:
        end_all(project.root)
        shutil.rmtree(folder, ignore_errors=True)
    return verdict


def _try(trial: Trial, project: Project, verdict: Verdict, *, heal: bool) -> None:
    trial.plant(project)
    before = {name: _content(project / name) for name, _ in trial.changes}
    together = checks.state_of(project)
    project.environment |= trial.environment
    done, struck = (trial.act or _plainly)(project, trial)
    project.environment.clear()
    verdict.late = trial.signal is not None and not struck
    verdict.seconds, verdict.said = done.seconds, f"[{done.code}]\n{done.out[-1500:]}\n{done.err[-4000:]}"
    verdict.add("left behind", [f"still running: {one}" for one in lingering(project.root)])
    verdict.add("traceback", checks.tracebacks(done))
    verdict.add("unclear", _unclear(trial, done, verdict.late))
    for kind, text in project.complaints:
        verdict.add(kind, [text])
    for kind, texts in checks.torn(project, together).items() if done.code else ():
        verdict.add(kind, texts)
    for name, must in trial.changes:
        if must != (_content(project / name) != before[name]):
            verdict.add("unclear" if must else "in vain", [f"{name} is {'the same' if must else 'another'} now"])
    for name, text in trial.shows:
        if text not in _content(project / name).decode("utf-8", errors="replace"):
            verdict.add("unclear", [f"{name} does not show {text!r}"])
    _judge_numbers(trial, project, verdict, trial.command, ran=done.code == 0, whole=done.code == 0)
    if heal:
        _heal(trial, project, verdict)
    verdict.add("left behind", [f"never removed: {name}" for name in checks.leftovers(project)])


def _plainly(project: Project, trial: Trial) -> tuple[Done, bool]:
    return run_and(project, project.command(*trial.command), trial.signal)


def _unclear(trial: Trial, done: Done, late: bool) -> list[str]:
    """What is wrong with exit code and message."""
    if done.code is None:
        return [f"did not end within {LIMIT} s"]
    codes = trial.codes | {0} if late else trial.codes
    found = [f"exit code {done.code}: {_end(done)}"] if done.code not in codes else []
    if done.code not in (0, -9) and trial.names and not any(name in done.said for name in trial.names):
        found.append(f"names none of {', '.join(trial.names)}: {_end(done)}")
    if trial.says and not any(word in done.said for word in trial.says) and not late:
        found.append(f"says nothing of {' or '.join(trial.says)}: {_end(done)}")
    return found


def _end(done: Done) -> str:
    return " / ".join(line.strip() for line in done.said.strip().splitlines()[-3:])[-300:]


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _judge_numbers(
    trial: Trial, project: Project, verdict: Verdict, command: tuple[str, ...], *, ran: bool, whole: bool
) -> None:
    shown, raw = checks.shown_by(project, command, ran=ran)
    verdict.add("wrong number", checks.wrong(project, shown))
    verdict.add("traceback", raw)
    if whole:
        verdict.add("unclear", [f"exit code 0, but {one}" for one in checks.missing(project, command, shown)])
    for chapter in trial.others:
        if shown.get(f"claims {VALUES[chapter]}") != {project.truth[chapter]}:
            verdict.add("unclear", [f"{chapter} did not run"])


def _heal(trial: Trial, project: Project, verdict: Verdict) -> None:
    """The same command once more, with nothing in its way; what only reads is preceded by what makes."""
    if trial.mend is not None:
        trial.mend(project)
    command = trial.command
    if command[0] == "claims":
        command = SWEEP_COMMAND if "--seeds" in command else ("run",)
    if command[0] == "pack":
        shutil.rmtree(project / "pack", ignore_errors=True)
    done = project.run(*command)
    verdict.add("traceback", checks.tracebacks(done))
    if done.code != 0:
        verdict.add("by hand", [f"the next {command[0]} ends with {done.code}: {_end(done)}"])
        return
    shown, raw = checks.shown_by(project, command, ran=True)
    verdict.add("wrong number", checks.wrong(project, shown))
    verdict.add("traceback", raw)
    verdict.add("by hand", [f"after the next {command[0]}, {one}" for one in checks.missing(project, command, shown)])
