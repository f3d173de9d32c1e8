"""Plant what befalls the press, one fault at a time: what `make faults` runs.

    PYTHONPATH=tests python -m faults                       # all, or with --every 2 half; takes an hour or two
    PYTHONPATH=tests python -m faults --only state/network  # a group, or any beginning of a name
    PYTHONPATH=tests python -m faults --list

Each verdict is written down as it comes, so that a run that was stopped goes on where it was. A change of the package
starts anew.
"""

import argparse
import signal
import sys
from pathlib import Path

from faults.report import summary, write_summary
from faults.session import Session
from faults.trials import by_name

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Try all that were asked for; 1 if a number was wrong, a traceback raw, or a hand needed."""
    parser = argparse.ArgumentParser(prog="faults", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", action="append", default=[], help="group, or any beginning of a trial's name")
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th of them")
    parser.add_argument("--list", action="store_true", help="print the trials and do none")
    parser.add_argument("--again", action="store_true", help="forget earlier verdicts of the trials asked for")
    parser.add_argument("--source", type=Path, default=ROOT, help="checkout whose package is put to trial")
    parser.add_argument("--module", default="linearlens", help="what `python -m` runs there")
    parser.add_argument("--work", type=Path, default=ROOT / "_build" / "faults", help="folder for copies and verdicts")
    parser.add_argument("--output", type=Path, default=ROOT / "data" / "results" / "faults.json")
    options = parser.parse_args()
    trials = {
        name: trial for name, trial in by_name().items() if not options.only or name.startswith(tuple(options.only))
    }
    trials = dict(list(trials.items())[:: options.every])
    if options.list:
        for name, trial in trials.items():
            sys.stdout.write(f"{name}: {trial.what}\n")
        return 0
    signal.signal(signal.SIGINT, signal.default_int_handler)  # or children of a background process would not listen
    session = Session(options.work, options.source.resolve(), options.module)
    verdicts = session.try_all(trials, jobs=options.jobs, again=options.again)
    result = summary(verdicts, options.source)
    if not options.only:  # of every N-th, too: it says how many there were
        write_summary(result, options.output)
    sys.stdout.write(result.text())
    return int(result.bad)


if __name__ == "__main__":
    sys.exit(main())
