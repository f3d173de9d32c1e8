"""Write the page on speed, ``book/speed.md``: what `make bench` runs."""

import contextlib
import platform
from datetime import date
from importlib.metadata import version
from importlib.util import find_spec

from linearlens.paths import BOOK
from linearlens.press.chapter.provenance import commit_of_checkout, commit_of_run

INTRODUCTION = """# Speed

How fast the two computations that every chapter rests on are, beside other people's and beside the arithmetic that
cannot be avoided. This page is written by `make bench`; its numbers are those of one run on one machine, and ratios
within that run. Each bar was set beforehand, and the page says whether it is met."""
PACKAGES = (
    "numpy",
    "scipy",
    "torch",
    "pydmd",
    "deeptime",
    "kooplearn",
    "dask",
    "distributed",
    "captum",
    "zennit",
    "torchvision",
)


def processor() -> str:
    """The name of the processor, as Linux tells it."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as lines:
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return platform.processor() or platform.machine()


def page() -> str:
    """The whole page; the benchmarks are imported here, as worker processes load this file again."""
    import bench_instance
    import bench_koopman

    there = [name for name in PACKAGES if find_spec(name)]  # some are for who has installed them
    versions = ", ".join(f"{name} {version(name)}" for name in there)
    python = platform.python_version()
    made = f"on {date.today().isoformat()} at {commit_of_run(commit_of_checkout())}"
    machine = (
        f"Measured {made}, on one thread of a processor that calls itself {processor()}, "
        f"with Python {python}, {versions}."
    )
    return "\n\n".join([INTRODUCTION, machine, bench_koopman.table(), bench_instance.table()]) + "\n"


if __name__ == "__main__":
    (BOOK / "speed.md").write_text(page(), encoding="utf-8")
