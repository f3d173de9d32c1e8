"""What both benches share: CPU seconds round by round, and tables with verdicts."""

import time
from collections.abc import Callable
from statistics import median

Run = Callable[[], object]


def cpu_seconds(run: Run) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def wall_seconds(run: Run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def interleaved(runs: dict[str, Run], repeats: int, *, warm: bool = False) -> dict[str, list[float]]:
    """CPU seconds of every method in every round; `warm`: each runs once before it is timed."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            if warm:
                run()
            found[name].append(cpu_seconds(run))
    return found


def ratio(numerator: list[float], denominator: list[float]) -> float:
    return median(a / b for a, b in zip(numerator, denominator, strict=True))


def markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def verdict(value: float, bar: float | None, *, most: bool = False) -> str:
    """A ratio, and whether it meets the bar there is for it."""
    if bar is None:
        return f"{value:.2f}"
    met = value <= bar if most else value >= bar
    return f"{value:.2f} ({'≤' if most else '≥'} {bar:.2f}: {'met' if met else 'short'})"
