"""Run chapters at many seeds on dask.distributed: on this machine, or on the workers of a scheduler.

A task is a chapter at a seed. The workers run; only the client writes, each result as it comes, so that whatever stops
the sweep and whenever, what has been measured stays and the next sweep runs the rest.
"""

import contextlib
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console

from linearlens.paths import BUILD
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.files import one_at_a_time, remove_drafts
from linearlens.press.chapter.notebooks import Edition, check_parameters
from linearlens.press.evidence.seed_runs import SeedRun, fresh, keep_seed, origin_of, read_seeds, seedless
from linearlens.press.running import worker
from linearlens.press.running.progress import Board

Task = tuple[str, int]  # chapter and seed
SECONDS_TO_CONNECT = 20


def sweep(
    chapters: Sequence[str],
    seeds: Sequence[int],
    profile: str,
    *,
    console: Console,
    jobs: int | None = None,
    scheduler: str | None = None,
) -> int:
    """Run each chapter at each seed that is missing among the kept ones, or stale, and keep what it measured.

    A task that fails is tried once more. On a scheduler, each worker needs a checkout with the same sources.

    Parameters
    ----------
    chapters : sequence of str
    seeds : sequence of int
    profile : str
    console : rich Console
        Progress goes here.
    jobs : int, optional
        Chapters run at a time on this machine, 2 by default; not with `scheduler`.
    scheduler : str, optional
        Address of a running scheduler, such as ``tcp://10.0.0.1:8786``.

    Returns
    -------
    int
        How many ran.

    Raises
    ------
    PressError
        If dask is not installed, the scheduler does not answer or its workers have other sources; after all had
        their turn, if one or more failed.
    """
    if jobs is not None and jobs < 1:
        raise PressError(f"jobs must be 1 or more, got {jobs}")
    if jobs is not None and scheduler is not None:
        raise PressError(
            "jobs are counted on this machine; on a scheduler its workers decide: leave out one of the two"
        )
    for chapter in chapters:
        check_parameters(chapter, Edition(profile).parameters)
    remove_drafts()
    hashes, tasks = _missing(chapters, seeds, profile)
    kept = len(hashes) * len(seeds) - len(tasks)
    console.print(f"profile {profile}: {kept} kept and fresh, {len(tasks)} to run", highlight=False)
    if not tasks:
        return 0
    with one_at_a_time(BUILD / "run.lock", console):
        hashes, tasks = _missing(chapters, seeds, profile)  # another may have run some
        with _client(jobs or 2, scheduler) as client:
            _refuse_other_sources(client, hashes, profile)
            _run(client, tasks, profile, hashes, console)
    return len(tasks)


def _missing(
    chapters: Sequence[str], seeds: Sequence[int], profile: str
) -> tuple[dict[str, dict[str, str]], list[Task]]:
    """What each chapter depends on, and what is not kept of it or stale."""
    hashes = {chapter: origin_of(chapter, profile) for chapter in dict.fromkeys(chapters)}
    kept = {chapter: fresh(read_seeds(chapter, profile), now).keys() for chapter, now in hashes.items()}
    return hashes, [(chapter, seed) for chapter in hashes for seed in sorted(set(seeds) - kept[chapter])]


def _run(client: Any, tasks: Sequence[Task], profile: str, hashes: dict[str, dict[str, str]], console: Console) -> None:
    from distributed import as_completed

    # Not pure: each sweep runs its own tasks, even where a scheduler still remembers those of another.
    futures = {
        client.submit(worker.run_one, chapter, profile, seed, retries=1, pure=False): (chapter, seed)
        for chapter, seed in tasks
    }
    failures = []
    n_seeds = Counter(chapter for chapter, _ in tasks)
    with Board(n_seeds, "seed", console) as board:
        for chapter in n_seeds:
            board.start(chapter)

        def say(chapter: str, outcome: str) -> None:
            board.advance(chapter, note=outcome)
            so_far = f"{len(tasks) - len(futures)} of {len(tasks)}, {board.seconds(chapter):.0f} s"
            board.say(f"{chapter}: {outcome} ({so_far})")

        for future in as_completed(list(futures), loop=client.loop):
            chapter, seed = futures.pop(future)
            trouble = _trouble(future)
            stamp = {} if trouble else future.result()
            if not trouble and seedless(stamp["sources"]) != hashes[chapter]:
                trouble = _difference(hashes[chapter], seedless(stamp["sources"]))
            if trouble:
                failures.append(f"{chapter}, seed {seed}: {trouble}")
                say(chapter, f"seed {seed} failed")
                continue
            origin = {name: stamp[name] for name in worker.ORIGIN} | {"sources": hashes[chapter]}
            keep_seed(chapter, profile, SeedRun(seed, stamp["cpu_seconds"], stamp["records"], origin))
            say(chapter, f"seed {seed} done, {stamp['cpu_seconds']:.0f} s of a processor")
    if failures:
        raise PressError("\n\n".join([*failures, f"{len(failures)} of {len(tasks)} failed; the others are kept"]))


def _trouble(future: Any) -> str | None:
    """What ended a task other than well."""
    if future.status == "finished":
        return None
    if future.status == "error":
        return f"failed twice, at last with:\n{future.exception()}"
    return "the connection to the scheduler was lost"


@contextlib.contextmanager
def _client(jobs: int, scheduler: str | None) -> Iterator[Any]:
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise PressError(f"a sweep needs the package distributed ({error}); pip install distributed") from error
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=SECONDS_TO_CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise PressError(
                f"no scheduler answers at {scheduler!r} ({error}); start one with: dask scheduler"
            ) from error
        with client:
            yield client
        return
    # A thread a job and no processes: each chapter has one of its own, and nothing but loopback listens. For the same
    # reason dask's limits of memory, which watch the worker, would watch the wrong process.
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=jobs,
            processes=False,
            memory_limit=0,
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            local_directory=str(BUILD / "dask"),
            silence_logs=logging.CRITICAL,
        ) as cluster,
        contextlib.ExitStack() as then,
        Client(cluster, set_as_default=False) as client,
    ):
        then.callback(
            lambda: worker.children.end(for_good=False)
        )  # after the client is closed: nobody wants a second try now
        yield client


def _refuse_other_sources(client: Any, hashes: dict[str, dict[str, str]], profile: str) -> None:
    """Ask each worker for the hashes of its sources."""
    try:
        client.wait_for_workers(1, timeout=SECONDS_TO_CONNECT)
    except TimeoutError as error:
        raise PressError("the scheduler has no workers; start some with: dask worker ADDRESS --nthreads 1") from error
    answers = client.run(_sources_here, list(hashes), profile, on_error="return")
    for address, answer in answers.items():
        if isinstance(answer, Exception):
            raise PressError(f"the worker {address} has no checkout of this book: {type(answer).__name__}: {answer}")
        for chapter, theirs in answer.items():
            if theirs != hashes[chapter]:
                raise PressError(f"{chapter}: the worker {address} has {_difference(hashes[chapter], theirs)}")


def _sources_here(chapters: list[str], profile: str) -> dict[str, dict[str, str]]:
    return {chapter: origin_of(chapter, profile) for chapter in chapters}


def _difference(ours: dict[str, str], theirs: dict[str, str]) -> str:
    names = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    return f"other sources than we: {', '.join(names)}; bring both to the same commit"
