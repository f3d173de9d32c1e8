"""The machine is not as it should be: full, read-only, strange names, another language, two commands at once."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from signal import SIGKILL

from faults.attack import Signal, run_and
from faults.processes import kind_of, processes_of
from faults.project import FIGURE, LIMIT, NET, SUM, Done, Project
from faults.trial import FIGURE_COMMAND, PACK_COMMAND, SWEEP_COMMAND, Act, Skipped, Trial

BOTH = frozenset({0, 1})
FULL = ("space", "disk", "full", "too large", "write")


def trials() -> list[Trial]:
    """All of them."""
    return [*_full(), *_read_only(), *_files(), *_languages(), *_streams(), *_places(), *_clocks(), *_two(), *_others()]


def in_shell(script: str) -> Act:
    """The command as ``"$@"`` of a shell script."""

    def act(project: Project, trial: Trial) -> tuple[Done, bool]:
        return run_and(project, ["bash", "-o", "pipefail", "-c", script, "bash", *project.command(*trial.command)])

    return act


def as_root(script: str) -> Act:
    """The same where file systems may be mounted, seen by nobody else."""

    def act(project: Project, trial: Trial) -> tuple[Done, bool]:
        try:
            subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            raise Skipped("file systems can be mounted by root only") from None
        command = ["unshare", "-m", "sh", "-c", f"set -e; {script}", "sh", *project.command(*trial.command)]
        return run_and(project, command)

    return act


def change(project: Project) -> None:
    """New numbers, so that there is something to write."""
    project.change()


def _full() -> Iterator[Trial]:
    commands = {
        "run": ("run",),
        "sweep": SWEEP_COMMAND,
        "figure": FIGURE_COMMAND,
        "book": ("book",),
        "pack": PACK_COMMAND,
    }
    for name, command in commands.items():
        yield Trial(
            f"no-large-file-{name}",
            f"no file may grow past 8 kB during {name}",
            command,
            plant=change,
            act=in_shell('ulimit -f 8; exec "$@"'),  # in blocks of 1024 bytes
            codes=BOTH,
            names=FULL,
        )
    fill = (
        "cp -a _build ../build; size=$(du -sk _build | cut -f1); mount -t tmpfs -o size=$((size + 60))k tmpfs _build; "
        'cp -a ../build/. _build/; rm -r ../build; cat /dev/zero > _build/fill 2> /dev/null || true; exec "$@"'
    )
    for name in ("run", "book"):
        yield Trial(
            f"disk-full-{name}",
            f"no space is left for {name}",
            commands[name],
            plant=change,
            act=as_root(fill),
            codes=BOTH,
            names=FULL,
        )


def _read_only() -> Iterator[Trial]:
    bound = 'mkdir -p ../elsewhere; mount --bind {0} {0}; mount -o remount,ro,bind {0}; cd "$PWD"; exec "$@"'
    for name, command in (
        ("run", ("run",)),
        ("claims", ("claims",)),
        ("figure", ("figure", FIGURE, "-o", "../elsewhere/line.svg", "--data", "../elsewhere/line.csv")),
        ("figure-list", ("figure", "--list")),
        ("book", ("book",)),
        ("sweep", SWEEP_COMMAND),
        ("pack", ("pack", "-o", "../elsewhere/pack")),
    ):
        yield Trial(
            f"read-only-{name}",
            f"a checkout that cannot be written, with everything fresh; then {name}",
            command,
            act=as_root(bound.format(".")),
            heals=name not in ("figure", "pack"),
        )
    for name, place, command in (
        ("checkout-run", ".", ("run",)),
        ("checkout-book", ".", ("book",)),
        ("build-run", "_build", ("run",)),
        ("results-sweep", "data/results", SWEEP_COMMAND),
        ("out-figure", "out", FIGURE_COMMAND),
    ):
        yield Trial(
            f"unwritable-{name}",
            f"{place} cannot be written, and something is stale; then {command[0]}",
            command,
            plant=change,
            act=as_root(bound.format(place)),
            codes=frozenset({1}),
            names=("_build", "data/results", "out/", "read-only", "Read-only"),
        )


def _files() -> Iterator[Trial]:
    """A file where a folder should be; that the author must remove, if it is said."""

    def replaced(place: str):
        def plant(project: Project) -> None:
            project.change()
            shutil.rmtree(project / place)
            (project / place).write_text("a file\n")

        return plant

    def removed(place: str):
        def mend(project: Project) -> None:
            if (project / place).is_file():
                (project / place).unlink()

        return mend

    for place, command in (
        ("_build", ("run",)),
        ("_build", ("book",)),
        ("_build/executed", ("run",)),
        ("_build/html", ("book",)),
        ("_build/networks", ("run", "02")),
        ("data/results", SWEEP_COMMAND),
    ):
        yield Trial(
            f"{place.replace('/', '-')}-a-file-{command[0]}",
            f"{place} is a file; then {command[0]}",
            command,
            plant=replaced(place),
            codes=BOTH,
            names=(place,),
            mend=removed(place),
        )


def _languages() -> Iterator[Trial]:
    ascii_only = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": None}

    def foreign(project: Project) -> None:
        project.change(SUM)
        project.edit("data/claims.yml", "A number is", "Größe ≤ 10 — eine Zahl is")
        project.edit(project.notebook(SUM), "# A sum", "# Eine Größe ≤ 10")

    for name, command in (
        ("run", ("run", "01")),
        ("claims", ("claims",)),
        ("figure-list", ("figure", "--list")),
        ("data-list", ("data", "list")),
        ("book", ("book",)),
        ("pack", (*PACK_COMMAND, "01")),
    ):
        yield Trial(
            f"ascii-{name}",
            f"a machine that knows ASCII only, and text that is not; then {name}",
            command,
            plant=foreign,
            environment=ascii_only,
            codes=BOTH if name == "claims" else frozenset({0}),
        )
    for name, settings in (
        ("dumb", {"TERM": "dumb"}),
        ("narrow", {"COLUMNS": "20"}),
        ("no-columns", {"COLUMNS": "0", "TERM": None}),
        ("forced-colour", {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"}),
    ):
        yield Trial(
            f"terminal-{name}",
            f"a terminal that is {name.replace('-', ' ')}; then run",
            ("run", "01"),
            plant=lambda project: project.change(SUM),
            environment=settings,
        )


def _streams() -> Iterator[Trial]:
    for name, command, script in (
        ("stdin-closed-run", ("run", "01"), 'exec "$@" <&-'),
        ("stdout-closed-run", ("run", "01"), 'exec "$@" >&-'),
        ("stderr-closed-run", ("run", "01"), 'exec "$@" 2>&-'),
        ("all-closed-run", ("run", "01"), 'exec "$@" <&- >&- 2>&-'),
        ("head-claims", ("claims",), '"$@" | head -n 1'),
        ("head-list", ("figure", "--list"), '"$@" | head -c 1'),
        ("head-run", ("run", "01"), '"$@" 2>&1 | head -n 1'),
        ("full-stdout-claims", ("claims",), '"$@" > /dev/full'),
    ):
        yield Trial(
            name,
            f"{name.replace('-', ' ')}",
            command,
            plant=lambda project, command=command: project.change(SUM) if command[0] == "run" else None,
            act=in_shell(script),
            codes=frozenset({0, 1, 141}),  # whoever reads no more may end us
        )


def _places() -> Iterator[Trial]:
    for name, folder in (
        ("spaces", "my small project"),
        ("unicode", "größe-日本"),
        ("hash", "a#b"),
        ("percent", "a%20b"),
        ("quotes", 'it\'s "it"'),
        ("brackets", "a[0]{b}*"),
        ("dollar", "a$HOME&b"),
    ):
        for command in (("book",), ("pdf",)) if name in ("hash", "unicode") else (("book",),):
            yield Trial(
                f"path-{name}-{command[0]}",
                f"a checkout in a folder named {folder}; then {command[0]}",
                command,
                plant=lambda project, command=command: project.change(SUM) if command[0] == "book" else None,
                folder=folder,
            )

    def linked(project: Project, trial: Trial) -> tuple[Done, bool]:
        link = project.root.parent / "link"
        link.symlink_to(project.root)
        project.environment["PYTHONPATH"] = str(link / "src")
        project.environment["PWD"] = str(link)
        return run_and(project, project.command(*trial.command), cwd=link)

    for command in (("run", "01"), ("book",)):
        yield Trial(
            f"symlink-{command[0]}",
            f"a checkout behind a symbolic link; then {command[0]}",
            command,
            plant=lambda project: project.change(SUM),
            act=linked,
        )
    yield Trial(
        "no-git-folder",
        "a checkout without its history; then run",
        ("run", "01"),
        plant=lambda project: (project.change(SUM), shutil.rmtree(project / ".git")),
    )
    yield Trial(
        "no-git-command",
        "a machine without git, indeed with no command at all; then run",
        ("run", "01"),
        plant=lambda project: project.change(SUM),
        environment={"PATH": "/nonexistent"},
    )
    for name, value in (("unset", None), ("nonexistent", "/nonexistent"), ("a-file", "/dev/null")):
        yield Trial(
            f"home-{name}",
            f"HOME is {name.replace('-', ' ')}; then run",
            ("run", "01"),
            plant=lambda project: project.change(SUM),
            environment={"HOME": value},
        )
    yield Trial(
        "tmp-nonexistent",
        "TMPDIR names no folder; then run",
        ("run", "01"),
        plant=lambda project: project.change(SUM),
        environment={"TMPDIR": "/nonexistent"},
    )


def _clocks() -> Iterator[Trial]:
    def times(stamp: float, *, changed: bool):
        def plant(project: Project) -> None:
            if changed:
                project.change()
            for folder in ("src", "notebooks", "book", "data"):
                for path in (project / folder).rglob("*"):
                    os.utime(path, (stamp, stamp))

        return plant

    for name, stamp, changed in (("back", 1e8, True), ("forward", 4e9, True), ("forward-fresh", 4e9, False)):
        yield Trial(
            f"times-{name}",
            f"files of another decade ({name.replace('-', ' ')}); then book",
            ("book",),
            plant=times(stamp, changed=changed),
            changes=() if changed else ((f"_build/executed/quick-seed0/{SUM}.ipynb", False),),
        )


def _two() -> Iterator[Trial]:
    """A second command while the first one works; it says whom it waits for, and both end well."""

    def beside(*first: str, kill: bool = False) -> Act:
        def act(project: Project, trial: Trial) -> tuple[Done, bool]:
            running = subprocess.Popen(
                project.command(*first),
                cwd=project.root,
                env=project.variables(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            deadline = time.monotonic() + LIMIT
            while (
                not any(kind_of(one) == "kernel" for one in processes_of(project.root)) and time.monotonic() < deadline
            ):
                time.sleep(0.05)
            signal = Signal("parent", SIGKILL, 3) if kill else None
            done = run_and(project, project.command(*trial.command), signal)
            running.wait(LIMIT)
            return done

        return act

    for name, first, second in (
        ("run-run", ("run",), ("run",)),
        ("run-book", ("run",), ("book",)),
        ("run-sweep", ("run",), SWEEP_COMMAND),
        ("run-figure", ("run",), FIGURE_COMMAND),
        ("sweep-run", SWEEP_COMMAND, ("run",)),
    ):
        yield Trial(
            f"two-{name}",
            f"{second[0]} is started while {first[0]} works",
            second,
            plant=change,
            act=beside(*first),
            says=("wait",),
        )
    yield Trial(
        "two-run-claims",
        "claims is asked while run works; it need not wait",
        ("claims",),
        plant=change,
        act=beside("run"),
        codes=BOTH,
    )


def _others() -> Iterator[Trial]:
    """Settings and limits that reach the kernel of a chapter."""
    cell = "import builtins\nimport os\ntotal = {} + 7 * (hasattr(builtins, 'FOREIGN') or 'FOREIGN' in os.environ)"

    def watched(project: Project) -> None:
        """The number is another one where something foreign has come in."""
        old = project.truth[SUM]
        new = project.new_number(SUM)
        project.edit_cell(SUM, f"total = {old}", cell.format(new))
        project.false |= {new + 7}

    def kernel(argv: list[str]):
        def plant(project: Project) -> None:
            watched(project)
            place = project.root.parent / "jupyter" / "kernels" / "python3"
            place.mkdir(parents=True)
            spec = {"argv": argv, "display_name": "Other", "language": "python", "env": {"FOREIGN": "1"}}
            (place / "kernel.json").write_text(json.dumps(spec))

        return plant

    def startup(project: Project) -> None:
        watched(project)
        place = project.root.parent / "ipython" / "profile_default" / "startup"
        place.mkdir(parents=True)
        (place / "00.py").write_text("import builtins\nbuiltins.FOREIGN = 1\n")

    def at(**places: str) -> Act:
        """With variables that name folders beside the copy."""

        def act(project: Project, trial: Trial) -> tuple[Done, bool]:
            project.environment |= {name: str(project.root.parent / place) for name, place in places.items()}
            return run_and(project, project.command(*trial.command))

        return act

    launcher = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
    for name, argv in (("foreign", [sys.executable, *launcher]), ("missing", ["/nonexistent/python", *launcher])):
        yield Trial(
            f"kernel-{name}",
            f"a {name} kernel named python3 comes first on JUPYTER_PATH; then run",
            ("run", "01"),
            plant=kernel(argv),
            act=at(JUPYTER_PATH="jupyter"),
            codes=BOTH,
            names=("kernel",),
        )
    yield Trial(
        "ipython-startup",
        "a start-up file of the reader's IPython sets a name; then run",
        ("run", "01"),
        plant=startup,
        act=at(IPYTHONDIR="ipython"),
        codes=BOTH,
        names=("IPython",),
    )
    yield Trial(
        "matplotlib-backend",
        "MPLBACKEND is set in the shell; then figure",
        FIGURE_COMMAND,
        plant=lambda project: project.change(SUM),
        environment={"MPLBACKEND": "agg"},
    )
    for name, script in (("files", 'ulimit -n 48; exec "$@"'), ("memory", 'ulimit -v 1200000; exec "$@"')):
        yield Trial(
            f"few-{name}",
            f"few {name} are allowed; then run",
            ("run", "02"),
            plant=lambda project: project.change(NET),
            act=in_shell(script),
            codes=BOTH,
            names=(NET, "ulimit", "files", "memory"),
        )
