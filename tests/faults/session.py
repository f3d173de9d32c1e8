"""Many trials, some at a time, with their verdicts written down as they come."""

import json
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

from faults.project import build_template, digest_of
from faults.trial import Trial, Verdict, try_one


class Session:
    """A folder with a template, copies of it while they are needed, and the verdicts."""

    def __init__(self, work: Path, source: Path, module: str) -> None:
        self.work, self.source, self.module = work, source, module
        self.work.mkdir(parents=True, exist_ok=True)
        self.book = work / f"verdicts-{digest_of(source / 'src')}.jsonl"

    def known(self) -> dict[str, Verdict]:
        """Verdicts of earlier runs on the same package, the last of each trial."""
        lines = self.book.read_text(encoding="utf-8").splitlines() if self.book.is_file() else []
        return {one["trial"]: Verdict(**one) for one in map(json.loads, lines)}

    def try_all(self, trials: Mapping[str, Trial], *, jobs: int, again: bool) -> list[Verdict]:
        """Those that have no verdict yet (with `again` all), and the verdicts of all."""
        verdicts = {name: verdict for name, verdict in self.known().items() if name in trials and not again}
        waiting = [name for name in trials if name not in verdicts]
        if waiting:
            self._say(f"{len(verdicts)} done before, {len(waiting)} to do; building the small project")
            template = build_template(self.work, self.source, self.module)
            with ThreadPoolExecutor(jobs) as pool:
                futures = [
                    pool.submit(try_one, trials[name], name, template, self.work, self.module) for name in waiting
                ]
                try:
                    for n, future in enumerate(as_completed(futures), start=1):
                        verdict = future.result()
                        verdicts[verdict.trial] = verdict
                        self._keep(verdict)
                        self._say(f"{n} of {len(waiting)}  {_line(verdict)}")
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise
        return [verdicts[name] for name in trials]

    def _keep(self, verdict: Verdict) -> None:
        with self.book.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(verdict)) + "\n")

    @staticmethod
    def _say(text: str) -> None:
        sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
        sys.stdout.flush()


def _line(verdict: Verdict) -> str:
    """One line for a terminal."""
    if verdict.skipped:
        return f"{verdict.trial}  skipped: {verdict.skipped}"
    late = " (the command had ended before)" if verdict.late else ""
    complaints = [f"\n      {kind}: {text}" for kind, texts in verdict.complaints.items() for text in texts]
    return f"{verdict.trial}  {'' if complaints else 'well'}{late}{''.join(complaints)}"
