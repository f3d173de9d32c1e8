"""Sweeps over seeds: what is kept, what a failure or a kill costs, and what the ledger says of it."""

import json
import math
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager

import psutil
import pytest
from conftest import SMALL_CELL, a_claim, environment_of, processes_of, to_be_interrupted, wait_until, write_chapter
from rich.console import Console

from linearlens.ledger import PROFILES, load_claims
from linearlens.paths import ROOT
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.files import SEAL, UNSEALED, seal, to_json, write_text
from linearlens.press.chapter.notebooks import all_chapters
from linearlens.press.evidence import seed_runs
from linearlens.press.evidence.listing import complaints_over_seeds, listed_over_seeds
from linearlens.press.evidence.seed_runs import (
    SHARE,
    TOGETHER,
    SeedRun,
    Spread,
    keep_seed,
    parse_seeds,
    read_seeds,
    seeds_row,
    seeds_rows,
    together,
)
from linearlens.press.running import seeds as sweep

MANY = 10  # seeds from which on a share is held against the ledger

CLAIM = a_claim(bound={"quick": "value <= 1"})


def kept(small):
    """The file of the small chapter, as seed and value; empty if it is not there."""
    path = small / "data" / "results" / "seeds" / "quick" / "01_small.json"
    groups = json.loads(path.read_text())["groups"] if path.is_file() else []
    return {entry["seed"]: entry["records"][0]["value"] for group in groups for entry in group["seeds"]}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0:3", [0, 1, 2]), ("3", [3]), ("4,0,7", [0, 4, 7]), ("0:2,1:3, 9", [0, 1, 2, 9]), ("5,5", [5])],
)
def test_seeds_are_written_in_three_ways(text, numbers):
    assert parse_seeds(text) == numbers


@pytest.mark.parametrize("text", ["", "-1", "a", "3:", ":3", "0,,1", "0:2:4", "1.5", "-2:2", "²"])
def test_what_is_no_seed_is_refused(text):
    with pytest.raises(PressError, match="seeds are written 0:20, 3 or 0,4,7"):
        parse_seeds(text)


@pytest.mark.parametrize("text", ["5:5", "5:2", "0:2,3:3"])
def test_an_empty_range_is_refused(text):
    with pytest.raises(PressError, match="are none: the end of a range is not one of them"):
        parse_seeds(text)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["99_none"], "no chapter is named '99_none'; there are: 01_small"),
        (["--profile", "slow"], "no profile named 'slow'"),
        (["--jobs", "0"], "jobs must be 1 or more"),
        (["--jobs", "1", "--scheduler", "tcp://127.0.0.1:1"], "on a scheduler its workers decide"),
        (["--seeds", "-1"], "seeds are written 0:20"),
    ],
)
def test_a_sweep_refuses_what_cannot_be_done(command, arguments, says):
    done = command("sweep", *arguments)
    assert done.returncode == 1
    assert says in done.stderr


def test_two_seeds_are_run_kept_and_not_run_again(small, command):
    not_yet = command("claims", "--seeds")
    assert not_yet.returncode == 1
    assert "not swept: 01_small; run: linearlens sweep --profile quick" in not_yet.stderr

    assert command("run", "--seed", "1").returncode == 0
    executed = small / "_build" / "executed" / "quick-seed1" / "01_small.ipynb"
    before = executed.read_bytes()
    done = command("sweep", "01", "--seeds", "0:2")
    assert done.returncode == 0, done.stderr
    assert "0 kept and fresh, 2 to run" in done.stderr
    assert kept(small) == {0: 16.0, 1: 17.0}
    assert executed.read_bytes() == before, "what is fresh is measured already"
    assert str(small) not in (small / "data" / "results" / "seeds" / "quick" / "01_small.json").read_text()

    shutil.rmtree(small / "_build")  # what is kept suffices
    again = command("sweep", "01", "--seeds", "0:2")
    assert again.returncode == 0
    assert "2 kept and fresh, 0 to run" in again.stderr
    assert not (small / "_build" / "executed").exists()

    said = command("claims", "--seeds")
    assert said.returncode == 0
    assert "holds in 2 of 2 seeds: A sum is what it is.  [small.value; identity]\n" in said.stdout
    assert "measured 16.5, 16 to 17; bound value >= 0" in command("claims", "--seeds", "--bounds").stdout
    ledger = small / "data" / "claims.yml"
    ledger.write_text(ledger.read_text().replace("value >= 0", "value <= 16"))
    write_chapter(small / "notebooks" / "01_small.ipynb", SMALL_CELL, "pass")
    wrong = command("claims", "--seeds")
    assert wrong.returncode == 1
    assert "stale, swept with older sources: 01_small; run: linearlens sweep --profile quick" in wrong.stderr
    assert "WRONG  holds in 1 of 2 seeds (stale): A sum is what it is." in wrong.stdout
    assert "holds in fewer than 95% of the seeds: small.value" in wrong.stderr
    assert json.loads(command("claims", "--seeds", "--json").stdout)[0]["held"] == 1


def test_a_failing_seed_is_tried_twice_and_loses_no_other(small, command):
    """Seed 1 fails always, seed 2 the first time; the kernel of seed 3 is killed the first time."""
    cell = (
        "import os\nfrom linearlens.paths import ROOT\n"
        "tries = ROOT / f'tries{seed}'\nfirst = not tries.exists()\n"
        "tries.write_text('x' if first else tries.read_text() + 'x')\n"
        "if seed == 3 and first:\n    os.kill(os.getpid(), 9)\n"
        "if seed == 1 or (seed == 2 and first):\n    1 / 0"
    )
    write_chapter(small / "notebooks" / "01_small.ipynb", SMALL_CELL, cell)
    done = command("sweep", "--seeds", "0:4")
    assert done.returncode == 1
    assert kept(small) == {0: 16.0, 2: 18.0, 3: 19.0}
    assert {seed: len((small / f"tries{seed}").read_text()) for seed in range(4)} == {0: 1, 1: 2, 2: 2, 3: 2}
    partial = small / "_build" / "failed" / "quick-seed1" / "01_small.ipynb"
    assert partial.is_file()
    for needed in ("01_small, seed 1: failed twice", "cell 3", "ZeroDivisionError", str(partial), "1 of 4 failed"):
        assert needed in done.stderr
    assert "Traceback" not in done.stderr

    write_chapter(small / "notebooks" / "01_small.ipynb", SMALL_CELL)
    assert "0 kept and fresh, 1 to run" in command("sweep", "--seeds", "2").stderr
    assert kept(small) == {0: 16.0, 2: 18.0, 3: 19.0}, "older runs stay until they are replaced"


def test_an_interrupt_or_a_kill_leaves_what_was_measured(small, command):
    cell = (
        "import time\nfrom linearlens.paths import ROOT\n(ROOT / f'started{seed}').touch()\n"
        "while seed == 1 and not (ROOT / 'go').exists():\n    time.sleep(0.1)"
    )
    write_chapter(small / "notebooks" / "01_small.ipynb", SMALL_CELL, cell)
    for number in (signal.SIGINT, signal.SIGKILL):
        process = to_be_interrupted(small, "sweep", "--seeds", "0:3", "--jobs", "1")
        wait_until(lambda: (small / "started1").exists() and kept(small))
        (small / "started1").unlink()
        process.send_signal(number)
        _, said = process.communicate(timeout=300)
        assert process.returncode == (130 if number == signal.SIGINT else -number)
        assert ("interrupted" in said) == (number == signal.SIGINT)
        assert "Traceback" not in said
        assert kept(small) == {0: 16.0}, "one at a time"
        wait_until(lambda: not processes_of(small))
    (small / "go").touch()
    done = command("sweep", "--seeds", "0:3")
    assert done.returncode == 0, done.stderr
    assert "1 kept and fresh, 2 to run" in done.stderr
    assert kept(small) == {0: 16.0, 1: 17.0, 2: 18.0}
    assert list((small / "_build" / "executed").glob("*/.*")) == []


@contextmanager
def scheduler_of(small):
    """The address of a scheduler with one worker, whose checkout is the small project."""
    code = (
        "from distributed import LocalCluster\n"
        "if __name__ == '__main__':\n"
        "    cluster = LocalCluster(n_workers=1, threads_per_worker=1, processes=False, protocol='tcp',\n"
        "        host='127.0.0.1', dashboard_address='127.0.0.1:0', worker_dashboard_address='127.0.0.1:0')\n"
        "    print(cluster.scheduler_address, flush=True)\n"
        "    input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=small,
        env=environment_of(small),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def test_an_existing_scheduler_runs_it_if_its_workers_have_the_same_sources(small, command, tmp_path):
    theirs = tmp_path / "theirs"
    shutil.copytree(small, theirs)
    with scheduler_of(theirs) as address:
        done = command("sweep", "--seeds", "3", "--scheduler", address)
        assert done.returncode == 0, done.stderr
        assert kept(small) == {3: 19.0}
        assert kept(theirs) == {}, "the client writes"
        assert (theirs / "_build" / "executed" / "quick-seed3" / "01_small.ipynb").is_file()
        assert not (small / "_build" / "executed").exists()

        write_chapter(small / "notebooks" / "01_small.ipynb", SMALL_CELL, "pass")
        refused = command("sweep", "--seeds", "3:5", "--scheduler", address)
        assert refused.returncode == 1
        assert "other sources than we: cells, code; bring both to the same commit" in refused.stderr
        assert kept(small) == {3: 19.0}
        assert not (theirs / "_build" / "executed" / "quick-seed4").exists(), "workers are asked before they run"

        (theirs / "notebooks" / "01_small.ipynb").unlink()
        refused = command("sweep", "--seeds", "3:5", "--scheduler", address)
        assert refused.returncode == 1
        assert "has no checkout of this book: PressError: notebooks/01_small.ipynb cannot be read" in refused.stderr


def test_a_result_from_other_sources_is_not_kept(monkeypatch, tmp_path):
    """A worker that came after all were asked, or a file edited meanwhile."""
    monkeypatch.setattr(seed_runs, "FOLDER", tmp_path)
    stamp = {"records": [], "sources": {"a": "2"}, "cpu_seconds": 1.0, **dict.fromkeys(sweep.worker.ORIGIN)}
    monkeypatch.setattr(sweep.worker, "run_one", lambda *_: stamp)
    with sweep._client(1, None) as client, pytest.raises(PressError, match="other sources than we: a; bring"):
        sweep._run(client, [("01_a", 0)], "quick", {"01_a": {"a": "1"}}, Console(quiet=True))
    assert list(tmp_path.iterdir()) == []


def test_a_result_comes_from_where_it_was_run_and_not_from_where_it_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(seed_runs, "FOLDER", tmp_path)
    origin = {"commit": "b" * 40, "dirty": True, "device": "cuda", "python": "3", "versions": {"torch": "2"}}
    stamp = {"records": [], "sources": {"a": "1"}, "cpu_seconds": 1.0, **origin}
    monkeypatch.setattr(sweep.worker, "run_one", lambda *_: stamp)
    with sweep._client(1, None) as client:
        sweep._run(client, [("01_a", 0)], "quick", {"01_a": {"a": "1"}}, Console(quiet=True))
    assert read_seeds("01_a", "quick")[0].origin == {**origin, "sources": {"a": "1"}}


def test_a_cluster_of_this_machine_is_seen_by_this_machine_only():
    def ports():
        return {c.laddr for c in psutil.Process().net_connections() if c.status == psutil.CONN_LISTEN}

    before = ports()
    with sweep._client(2, None) as client:
        assert sum(client.nthreads().values()) == 2
        assert {port.ip for port in ports() - before} <= {"127.0.0.1", "::1"}


def test_a_scheduler_must_answer_and_have_workers(monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr(sweep, "SECONDS_TO_CONNECT", 0.5)
    for nowhere in ("tcp://127.0.0.1:1", "nothing://here"):
        with pytest.raises(PressError, match="no scheduler answers at"), sweep._client(1, nowhere):
            pass
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address="127.0.0.1:0") as cluster,
        sweep._client(1, cluster.scheduler_address) as client,
        pytest.raises(PressError, match="the scheduler has no workers; start some with: dask worker"),
    ):
        sweep._refuse_other_sources(client, {}, "quick")


def test_without_dask_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(PressError, match="a sweep needs the package distributed"), sweep._client(1, None):
        pass


def test_dask_is_not_imported_before_it_is_needed():
    code = "import sys, linearlens.press.cli, linearlens.press.running.seeds; sys.exit('distributed' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], env=environment_of(ROOT), check=True)


def test_kept_runs_are_read_as_they_were_written_and_a_line_each(here):
    old, new = ({"commit": c, "dirty": False, "python": "3", "versions": {}, "sources": {"a": c}} for c in "12")
    records = [{"id": "a.b", "value": {"x": [0.1, math.inf], "y": True}}, {"id": "a.c", "value": 3}]
    runs = [SeedRun(seed, 1.25, records, origin) for seed, origin in ((11, old), (2, new), (0, old), (3, old))]
    for run in runs:
        path = keep_seed("01_a", "quick", run)
    assert read_seeds("01_a", "quick") == {run.seed: run for run in runs}
    assert list(read_seeds("01_a", "quick")) == [0, 2, 3, 11]
    assert read_seeds("01_a", "full") == {}
    assert sum('"id": "a.c"' in line for line in path.read_text().splitlines()) == 4
    assert path.read_text().count('"commit"') == 2, "what is equal is said once"
    keep_seed("01_a", "quick", SeedRun(3, 1.0, records, new))
    assert read_seeds("01_a", "quick")[3].origin == new
    assert list(seed_runs.fresh(read_seeds("01_a", "quick"), {"a": "2"})) == [2, 3]

    whole = path.read_text()
    unsealed = re.sub(rf'"{SEAL}": "[^"]+"', f'"{SEAL}": "{UNSEALED}"', whole)
    for text, says in (
        (whole[:-20], "it is no JSON"),
        (whole.replace("1.25", "1.5"), "it was changed after it was written"),
        (to_json({"runs": []}), "it holds no runs of seeds"),
        (seal(unsealed.replace('"seed": 11', '"seed": 0')), "it holds a seed twice"),
        *(
            (seal(unsealed.replace(was, wrong)), "it holds no runs of seeds")
            for was, wrong in (
                *(('"seed": 11', f'"seed": {seed}') for seed in ('"0"', "-1", "1.5", "true")),
                ('"id": "a.c"', '"id": "a.b"'),
                ('"value": 3', '"value": null'),
                ('"value": 3', '"value": []'),
                ('"value": 3', '"val": 3'),
                ('"sources"', '"other"'),
            )
        ),
    ):
        path.write_text(text)
        remedy = "get it back with .* sweep 01_a --profile quick"
        with pytest.raises(PressError, match=rf"01_a\.json is damaged: {says}.*; {remedy}$"):
            read_seeds("01_a", "quick")
    for chapter, profile in (("01_a", "full"), ("02_b", "quick")):
        write_text(seed_runs.path_of(chapter, profile), whole)
        with pytest.raises(PressError, match=r"is damaged: it is of 01_a in the profile quick; .* --profile"):
            read_seeds(chapter, profile)


def over(claim, values, **more):
    return seeds_row(claim, {seed: {claim.id: value} for seed, value in values.items()}, **{"profile": "quick"} | more)


def test_a_claim_over_seeds_has_a_median_an_interval_and_a_share():
    row = over(CLAIM, {seed: seed / 16 for seed in range(20)})
    assert (row.n_seeds, row.held, row.fails, row.wrong) == (20, 17, (17, 18, 19), True)
    assert row.measured == Spread(median=9.5 / 16, low=1 / 16, high=18 / 16, n_seeds=20)
    assert not over(CLAIM, {seed: seed / 18 for seed in range(20)}).wrong, "19 of 20 suffice"
    assert over(CLAIM, {seed: seed / 17 for seed in range(20)}).wrong, "18 do not"
    assert str(row) == "holds in 17 of 20 seeds"
    without = over(CLAIM, {0: 5.0}, profile="full")
    assert (without.held, without.wrong, str(without)) == (None, False, "no bound in this profile")


def test_a_control_must_break_the_bound_at_nearly_every_seed():
    claim = a_claim(bound={"quick": "x <= 1"}, control=["y"])
    row = over(claim, {seed: {"x": 0, "y": 3 if seed < 18 else 1} for seed in range(20)})
    assert (row.held, row.broken, row.wrong, row.unbroken) == (20, 18, False, True)
    assert str(row) == "holds in 20 of 20 seeds, its control breaks it in 18"
    assert not over(claim, {seed: {"x": 0, "y": 3 if seed < 19 else 1} for seed in range(20)}).unbroken
    elsewhere = a_claim(broken_by={"value": "c.d"}, bound={"quick": "value <= 1"})
    row = seeds_row(elsewhere, {seed: {"a.b": 0, "c.d": 3} for seed in range(2)}, profile="quick")
    assert row.broken == 2, "what the same seed recorded elsewhere in the chapter"
    assert over(CLAIM, {0: 1}).broken is None


def test_a_control_is_asked_where_the_claim_holds_and_one_that_was_not_measured_is_told():
    claim = a_claim(bound={"quick": "x <= 1 and z <= 1"}, broken_by={"x": "y"})
    measured = {seed: {"x": 0, "y": 3 if seed < 18 else 0, "z": 9 if seed == 19 else 0} for seed in range(20)}
    row = over(claim, measured)
    assert (row.held, row.asked, row.broken, row.unbroken) == (19, 19, 18, True), "19 fails by itself"
    row = over(a_claim(bound={"quick": "x <= 1"}, control=["y"]), {0: {"x": 0, "y": 3}, 1: {"x": 0}})
    assert str(row) == "holds in 2 of 2 seeds, its control breaks it in 1 of 1 in which one was measured"
    claims = {"a.b": a_claim(control=["y"])}
    assert said_of(claims, {"a.b": row})[0] == "its control was not measured in each seed: a.b"
    assert not said_of({"a.b": CLAIM}, {"a.b": over(CLAIM, {0: 1})})


def test_all_claims_of_a_chapter_are_counted_together_and_the_listing_names_what_fails():
    claims = {one.id: one for one in (CLAIM, a_claim(id="a.c", bound={"quick": "value <= 20"}))}
    measured = {seed: {"a.b": seed / 18, "a.c": 99 if seed == 3 else seed} for seed in range(20)}
    rows = {one.id: seeds_row(one, measured, profile="quick") for one in claims.values()}
    (chapter,) = together(rows.values()).values()
    assert (chapter.held, chapter.n_seeds, dict(chapter.fails), chapter.wrong) == (
        18,
        20,
        {3: ["a.c"], 19: ["a.b"]},
        False,
    )
    assert not said_of(claims, rows)
    measured[7]["a.c"] = 99
    rows["a.c"] = seeds_row(claims["a.c"], measured, profile="quick")
    assert said_of(claims, rows) == [
        "holds in fewer than 95% of the seeds: a.c", "all claims hold in fewer than 90% of the seeds: 01_a (17 of 20)",
    ]  # fmt: skip


def said_of(claims, rows):
    return complaints_over_seeds(rows, claims, together(rows.values()), "quick")


@pytest.mark.parametrize(
    ("first", "second", "held"),
    [
        (dict.fromkeys(range(20), 0), {0: 0}, 1),
        ({seed: 9 * (seed < 10) for seed in range(20)}, {seed: 9 * (seed >= 10) for seed in range(20)}, 0),
        ({seed: 9 * (seed == 0) for seed in range(10)}, dict.fromkeys(range(10, 20), 0), 0),
    ],
)
def test_a_claim_that_was_not_measured_at_a_seed_does_not_hold_there(first, second, held):
    rows = [over(CLAIM, first), over(CLAIM, second)]
    assert (together(rows)["01_a"].held, together(rows)["01_a"].n_seeds) == (held, 20)


@pytest.mark.parametrize("claims", [[CLAIM], [CLAIM, a_claim(id="a.c")]], ids=["alone", "beside one that is there"])
@pytest.mark.parametrize("n_recorded", [0, 10, 18])
def test_what_a_chapter_leaves_out_at_a_seed_counts_against_the_claim_and_the_chapter(swept, claims, n_recorded):
    swept({seed: ["a.b", "a.c"] if seed < n_recorded else ["a.c"] for seed in range(20)})
    rows = seeds_rows({one.id: one for one in claims}, "quick")
    assert str(rows["a.b"]) == f"holds in {n_recorded} of 20 seeds"
    (chapter,) = together(rows.values()).values()
    assert (chapter.held, chapter.n_seeds) == (n_recorded, 20)
    assert "holds in fewer than 95% of the seeds: a.b" in said_of({one.id: one for one in claims}, rows)


def test_a_few_fresh_seeds_do_not_hide_many_stale_ones(swept):
    swept({0: ["a.b"]})
    swept({seed: ["a.b"] for seed in range(1, 20)}, source="older")
    claims = {"a.b": CLAIM}
    assert said_of(claims, seeds_rows(claims, "quick")) == [
        "partly stale, seeds of older sources left out: 01_a; run: linearlens sweep --profile quick"
    ]


@pytest.fixture
def swept(here, monkeypatch):
    """Keep runs of chapter 01_a, by the names that each recorded."""
    write_chapter(here / "notebooks" / "01_a.ipynb", SMALL_CELL)
    monkeypatch.setattr(seed_runs, "origin_of", lambda *_: {"a": "1"})

    def keep(names, source="1"):
        origin = {"commit": "c", "dirty": False, "python": "3", "versions": {}, "sources": {"a": source}}
        for seed, recorded in names.items():
            keep_seed("01_a", "quick", SeedRun(seed, 1.0, [{"id": name, "value": 0} for name in recorded], origin))

    return keep


def test_json_of_the_counts_has_no_nan_and_no_infinity():
    measured = {0: {"x": math.nan, "y": math.inf}, 1: {"x": math.nan, "y": math.inf}}
    said = seed_runs.to_json([over(a_claim(bound={"quick": "x <= 1"}), measured)])
    assert not re.search("NaN|: -?Infinity", said)
    (row,) = json.loads(said)
    assert (row["measured"]["x"]["median"], row["measured"]["y"]["high"]) == (None, "inf")


def test_a_bound_that_holds_stands_beside_the_papers_that_decides(listing):
    claim = a_claim(verdict="reproduced", bound={"quick": "value <= 1"}, paper_bound="value <= 0.1")
    row = over(claim, {0: 0.5})
    lines = listing({"a.b": row}, claims={"a.b": claim}, bounds=True)
    assert row.held == 0
    assert [line.strip() for line in lines if "0.1" in line] == ["and value <= 0.1, the paper's"]


def test_a_chapter_without_a_bound_in_the_profile_is_not_said_to_hold(listing):
    rows = {"a.b": over(a_claim(bound={"full": "value < 1"}), {0: 9, 1: 9})}
    assert together(rows.values()) == {}
    assert listing(rows)[0].endswith(": no bound in this profile")


def test_what_was_swept_with_older_sources_is_stale_and_what_is_left_out_is_counted(listing):
    rows = {"a.b": over(CLAIM, {0: 0}, stale=True)}
    assert said_of({"a.b": CLAIM}, rows) == [
        "stale, swept with older sources: 01_a; run: linearlens sweep --profile quick"
    ]
    assert listing(rows)[0].endswith(": all claims hold in 1 of 1 seeds (stale)")
    rows = {"a.b": over(CLAIM, {0: 0}, left_out=19)}
    assert listing(rows)[0].endswith("in 1 of 1 seeds; 19 kept with older sources are left out")


def test_one_claim_asked_for_does_not_speak_for_its_chapter(listing):
    rows = {"a.b": over(CLAIM, {0: 0, 1: 0}), "a.c": over(a_claim(id="a.c"), {0: 0, 1: 9})}
    lines = listing({"a.b": rows["a.b"]}, whole=rows)
    assert lines[0].endswith(": all claims hold in 1 of 2 seeds")
    assert lines[1].strip() == "seed 1: a.c"


@pytest.fixture
def listing(monkeypatch):
    """The lines of ``claims --seeds`` for these rows; `whole` are all of their chapter."""
    monkeypatch.setattr("linearlens.press.evidence.listing.title_of", lambda chapter: "Small")

    def lines(rows, whole=None, claims=None, bounds=False):
        claims = claims or dict.fromkeys(rows, CLAIM)
        return list(listed_over_seeds(rows.values(), claims, together((whole or rows).values()), bounds=bounds))

    return lines


def test_a_chapter_speaks_for_its_own_claims_only(here, monkeypatch):
    for chapter in ("01_a", "02_b"):
        write_chapter(here / "notebooks" / f"{chapter}.ipynb", SMALL_CELL)
    monkeypatch.setattr(seed_runs, "origin_of", lambda *_: {"a": "1"})
    for chapter, source, value in (("01_a", "1", 0), ("02_b", "older", 9)):
        origin = {"commit": "c", "dirty": False, "python": "3", "versions": {}, "sources": {"a": source}}
        keep_seed(chapter, "quick", SeedRun(0, 1.0, [{"id": "a.b", "value": value}], origin))
    row = seeds_rows({"a.b": CLAIM}, "quick")["a.b"]
    assert (row.held, row.stale) == (1, False), "that of 01_a, where the claim stands today"


def test_a_list_counts_once_a_seed_and_nan_is_missing():
    values = {0: {"x": [1.0, 2.0, 9.0], "y": [True, False]}, 1: {"x": math.inf, "y": True}, 2: {"x": math.nan, "y": 1}}
    claim = a_claim(bound={"quick": "max(x) <= 9"})
    row = over(claim, values)
    assert row.held == 1, "NaN holds nothing"
    assert row.measured == {"x": Spread(math.inf, 2.0, math.inf, 2), "y": Spread(1.0, 0.5, 1.0, 3)}
    assert row.show() == "x inf, 2 to inf in 2 of 3 seeds; y 1, 0.5 to 1"


@pytest.mark.parametrize("profile", PROFILES)
def test_claims_hold_and_controls_break_at_nearly_every_seed_and_all_of_a_chapter_at_nine_of_ten(profile):
    swept = [row for row in seeds_rows(load_claims(), profile).values() if not row.stale]
    chapters = {chapter for chapter, one in together(swept).items() if one.n_seeds >= MANY}
    rows = [row for row in swept if row.chapter in chapters]
    wrong = {row.id: str(row) for row in rows if row.wrong or row.unbroken}
    assert not wrong, f"a claim that holds, or is broken by its control, in fewer than {SHARE:.0%} is wrong: mend it"
    apart = {chapter: dict(one.fails) for chapter, one in together(rows).items() if one.wrong}
    assert not apart, f"all claims of a chapter hold in {TOGETHER:.0%} of the seeds: mend what a reader would see fail"


def test_what_is_kept_over_seeds_comes_from_commits_without_changes():
    for profile in PROFILES:
        for chapter in all_chapters():
            for run in read_seeds(chapter, profile).values():
                assert run.origin["dirty"] is False, (chapter, run.seed)
                assert len(run.origin["commit"]) == 40, (chapter, run.seed)
