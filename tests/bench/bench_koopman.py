"""How fast `Koopman.fit` is beside its peers and beside the matrix products it cannot do without.

Run by ``make bench``: one thread, CPU seconds, ratios of interleaved repeats in one run.
"""

import importlib.util
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from statistics import median
from unittest.mock import patch

import dask.array as da
import numpy as np
from bench_tools import cpu_seconds, interleaved, markdown, ratio, verdict, wall_seconds
from deeptime.covariance import Covariance
from distributed import Client, wait
from pydmd import DMD
from scipy import linalg
from scipy.linalg import blas

from linearlens.koopman import Koopman, eigenvalue_distance, rollout
from linearlens.koopman._gram import PairGrams
from linearlens.koopman._principal import Principal

SMALL, MIDDLE, LARGE = (64, 50, 64), (1024, 50, 256), (4096, 100, 512)
REPEATS = {SMALL: 15, MIDDLE: 3, LARGE: 2}
BARS = {  # at a size: the least ratio to a method, or share of the bound
    (MIDDLE, "PyDMD"): 20.0,
    (MIDDLE, "lstsq, float32 given"): 4.0,
    (LARGE, "bound"): 0.6,
}
DEEPTIME_BAR = 1 / 1.1
WIDE = (
    (9, 3000, 2),
    (50, 6000, 10),
    (500, 25_088, 20),
)  # states, features, rank; the last are feature maps of a ResNet
WIDE_BAR, BATCHES_BAR = 0.5, 1.2  # at most twice the time of PyDMD; of one fit
N_BATCHES, N_STEPS = 40, 200
WORKERS_SIZE, BLOCKS = (4096, 50, 256), 16
MEGABYTE = 2**20


def states(size: tuple[int, int, int]) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(size, dtype=np.float32)


def multiply(n_features: int = 512, n_rows: int = 2560) -> tuple[Callable[[], object], float]:
    """A large float64 matrix product of NumPy's, and the operations in it."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(n_rows, n_features)), rng.normal(size=(n_features, n_features))
    out = np.empty_like(a)
    return lambda: np.matmul(a, b, out=out), 2.0 * n_rows * n_features**2


def deeptime_covariances(trajectories: list[np.ndarray]) -> object:
    """XᵀX and XᵀY, without the eigenvalues that the fit finds as well."""
    estimator = Covariance(lagtime=1, compute_c0t=True, remove_data_mean=False, bessels_correction=False)
    return estimator.fit(trajectories).fetch_model()


def methods(z: np.ndarray) -> dict[str, Callable[[], object]]:
    """The fit and its peers; these get X and Y ready-made, which costs them no time and here only memory."""
    trajectories, width = list(z), z.shape[2]
    runs: dict[str, Callable[[], object]] = {
        "Koopman": lambda: Koopman().fit(trajectories),
        "deeptime": lambda: deeptime_covariances(trajectories),
    }
    if importlib.util.find_spec("kooplearn"):  # for who has it; it knows one trajectory, so the seams are in
        from kooplearn.linear_model import Ridge

        glued = z.reshape(-1, width)
        runs["kooplearn"] = lambda: Ridge(n_components=width, reduced_rank=False, alpha=None).fit(glued)
    if z.nbytes < 2**29:
        x, y = z[:, :-1].reshape(-1, width), z[:, 1:].reshape(-1, width)
        x64, y64 = x.astype(np.float64), y.astype(np.float64)
        runs |= {
            "lstsq, float32 given": lambda: np.linalg.lstsq(x, y),
            "lstsq, float64 given": lambda: np.linalg.lstsq(x64, y64),
            "SciPy lstsq in float32": lambda: linalg.lstsq(x, y, check_finite=False),
            "PyDMD": lambda: DMD(svd_rank=-1).fit(x.T, y.T),
        }
    return runs


def speed() -> tuple[str, float]:
    """The table of ratios, and operations a second of matrix products."""
    product, operations = multiply()
    rows, rates = [], []
    for size in (SMALL, MIDDLE, LARGE):
        n, t, d = size
        z = states(size)
        runs = methods(z)
        runs["product"] = lambda: [product() for _ in range(20)]
        for run in runs.values() if size == SMALL else ():
            run()  # what is imported or set up at first use is not what is measured
        found = interleaved(runs, REPEATS[size])
        rate = [20 * operations / seconds for seconds in found.pop("product")]
        bound = [3 * n * t * d**2 / one for one in rate]
        rates += rate
        own = found.pop("Koopman")
        shares = {name: ratio(seconds, own) for name, seconds in found.items()} | {"bound": ratio(bound, own)}
        bars = {name: BARS.get((size, name)) for name in shares} | {"deeptime": DEEPTIME_BAR}
        rows += [[f"{n} × {t} × {d}", name, verdict(share, bars[name])] for name, share in shares.items()]
    head = ["trajectories × steps × features", "beside", "its time over that of the fit"]
    return markdown(head, rows), median(rates)


# More features than pairs; many batches; long forecasts.


def wide() -> str:
    """Time over that of the fit, and of a forecast of fifty steps, where there are more features than states."""
    rows = []
    for n_states, n_features, rank in WIDE:
        rng = np.random.default_rng(0)
        z = rng.normal(size=(n_states, 4)) @ rng.normal(size=(4, n_features))
        z += 0.01 * rng.normal(size=z.shape)
        x, y = (np.ascontiguousarray(part.T) for part in (z[:-1], z[1:]))
        fitted = Koopman(rank=rank).fit([z])
        found = interleaved(
            {
                "Koopman": lambda z=z, rank=rank: Koopman(rank=rank).fit([z]),
                "PyDMD": lambda x=x, y=y, rank=rank: DMD(svd_rank=rank).fit(x, y),
                "forecast": lambda z=z, fitted=fitted: fitted.predict(z[:2], 50),
            },
            5,
            warm=n_states < 100,
        )
        own = found["Koopman"]
        rows.append(
            [
                f"{n_states} × {n_features}, rank {rank}",
                verdict(ratio(found["PyDMD"], own), WIDE_BAR),
                f"{1e3 * median(own):.1f} ms",
                f"{1e3 * median(found['forecast']):.1f} ms",
            ]
        )
    return markdown(["states × features", "PyDMD over the fit", "fit", "forecast of 50 steps"], rows)


def batches() -> str:
    """`partial_fit` over one fit, and `rollout` over a loop of products."""
    rows = []
    for width in (64, 256, 512):
        z = states((N_BATCHES * 32, 50, width))
        fitted, start = Koopman().fit(z[:32]), z[:2, 0].astype(np.float64)
        operator = fitted.operator_

        def parts(z: np.ndarray = z) -> object:
            estimator = Koopman()
            for batch in np.split(z, N_BATCHES):
                estimator.partial_fit(batch)
            return estimator.eigenvalues_

        def steps(now: np.ndarray = start, operator: np.ndarray = operator) -> list[np.ndarray]:
            path = []
            for _ in range(N_STEPS):
                now = now @ operator
                path.append(now)
            return path

        found = interleaved(
            {
                "fit": lambda z=z: Koopman().fit(iter(z)),
                "parts": parts,
                "rollout": lambda fitted=fitted, start=start: rollout(fitted, start, steps=N_STEPS),
                "steps": steps,
            },
            3,
        )
        batch = verdict(ratio(found["parts"], found["fit"]), BATCHES_BAR, most=True)
        rows.append([str(width), batch, f"{ratio(found['rollout'], found['steps']):.2f}"])
    return markdown(["features", f"{N_BATCHES} batches over one fit", f"rollout over {N_STEPS} products"], rows)


# What was tried in place of what the fit does.


def two_products(z: np.ndarray, *, rows: int = 1024, single: bool = False) -> np.ndarray:
    """Eigenvalues from XᵀX by a symmetric update and XᵀY by a full product, tile by tile."""
    d = z.shape[2]
    xx, xy = (np.zeros((d, d), order="F") for _ in range(2))
    at_a_time = max(1, rows // z.shape[1])
    for start in range(0, len(z), at_a_time):
        part = z[start : start + at_a_time]
        part = part if single else part.astype(np.float64)
        x, y = part[:, :-1].reshape(-1, d), part[:, 1:].reshape(-1, d)
        if single:  # NumPy takes a product of a matrix with itself for a symmetric one
            xx += x.T @ x
            xy += x.T @ y
        else:
            xx = blas.dsyrk(1.0, x.T, beta=1.0, c=xx, lower=True, overwrite_c=True)
            xy = blas.dgemm(1.0, x.T, y.T, beta=1.0, c=xy, trans_b=True, overwrite_c=True)
    found = Principal.of_products(xx if single else np.tril(xx) + np.tril(xx, -1).T, xy)
    whiten, ahead = found.least_squares(rank=None, wide=False)
    return np.linalg.eigvals(ahead @ whiten)


def with_rows(z: list[np.ndarray], rows: int) -> object:
    with patch("linearlens.koopman._lift.CHUNK_ROWS", rows):
        return Koopman().fit(z)


def tried() -> str:
    """Alternatives at the middle size, as time over that of the fit."""
    z = states(MIDDLE)
    trajectories = list(z)
    runs: dict[str, Callable[[], object]] = {
        "what is kept: sums and differences, two symmetric updates and a product": lambda: Koopman().fit(trajectories),
        "a symmetric update and a full product": lambda: two_products(z),
        "the same in float32, tiles added in float64": lambda: two_products(z, single=True),
        "tiles of 256 states": lambda: with_rows(trajectories, 256),
        "tiles of 4096 states": lambda: with_rows(trajectories, 4096),
        "no tiles": lambda: with_rows(trajectories, 10**9),
    }
    found = interleaved(runs, REPEATS[MIDDLE])
    own = next(iter(found.values()))
    planes, truth = turning_planes(0, 100.0)
    single = two_products(planes, single=True)
    wrong = eigenvalue_distance(single, truth) if len(single) == len(truth) else np.inf
    table = markdown(
        ["way", "time over that of what is kept"], [[name, f"{ratio(own_, own):.2f}"] for name, own_ in found.items()]
    )
    return f"{table}\n\nProducts in float32 leave an eigenvalue error of {wrong:.1e} at condition 100."


# Digits.


def turning_planes(seed: int, condition: float, n_planes: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Float32 states of planes turning at their own speed, of widths from 1 to `condition`; their eigenvalues."""
    rng = np.random.default_rng(seed)
    turns = np.exp(1j * np.linspace(0.1, 3, n_planes))
    angles = rng.uniform(-np.pi, np.pi, size=(256, n_planes))
    planes = np.exp(1j * (angles[:, None] + np.angle(turns) * np.arange(20)[:, None]))
    planes = planes * np.geomspace(1, condition, n_planes)
    basis, _ = np.linalg.qr(rng.normal(size=(2 * n_planes, 2 * n_planes)))
    z = np.concatenate([planes.real, planes.imag], axis=2) @ basis
    return z.astype(np.float32), np.concatenate([turns, turns.conj()])


def digits() -> str:
    rows = []
    for condition in (1e1, 1e2, 1e3, 1e4, 1e5, 1e6):
        errors = []
        for seed in range(5):
            z, truth = turning_planes(seed, condition)
            x, y = (part.reshape(-1, z.shape[2]).astype(np.float64) for part in (z[:, :-1], z[:, 1:]))
            slow = np.linalg.eigvals(np.linalg.lstsq(x, y)[0])
            found = Koopman().fit(list(z)).eigenvalues_
            errors.append([eigenvalue_distance(values, truth) for values in (found, slow)])
        ours, theirs = np.median(errors, axis=0)
        worst = f"{ours:.1e}" + (f" (≤ 1e-7: {'met' if ours <= 1e-7 else 'short'})" if condition == 100 else "")
        rows.append([f"{condition:.0e}", worst, f"{theirs:.1e}", verdict(ours / theirs, 3.0, most=True)])
    return markdown(["condition of X", "error of the fit", "error of lstsq", "ratio"], rows)


# Memory.


def extra_memory(method: str) -> float:
    """Megabytes a process takes at most beyond the states themselves, at the large size."""
    code = f"import bench_koopman; bench_koopman.report_memory({method!r})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=os.path.dirname(__file__))
    return float(run.stdout.split()[-1])


def report_memory(method: str) -> None:
    run = {"fit": lambda z: Koopman().fit(z), "deeptime": lambda z: deeptime_covariances(list(z))}[method]
    run(states((64, 50, 64)))
    z = states(LARGE)
    before = resident("VmRSS")
    run(z)
    print(resident("VmHWM") - before)


def resident(name: str) -> float:
    """Megabytes by /proc: `ru_maxrss` would not do, as a process inherits the peak of the one that started it."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def memory() -> str:
    n, t, d = LARGE
    own, other = extra_memory("fit"), extra_memory("deeptime")
    return (
        f"At {n} × {t} × {d} ({n * t * d * 4 / MEGABYTE:.0f} MB of states) the fit takes at most {own:.0f} MB "
        f"beyond them (≤ 150: {'met' if own <= 150 else 'short'}), deeptime {other:.0f} MB."
    )


# Workers.


def workers(rate: float) -> str:
    """One and two processes on this machine, and what more of them would take by the model."""
    n, t, d = WORKERS_SIZE
    clusters = {
        p: Client(n_workers=p, threads_per_worker=1, dashboard_address=None, set_as_default=False) for p in (1, 2)
    }
    found: dict[int, list[float]] = {p: [] for p in clusters}
    arrays = {}
    for p, client in clusters.items():
        with client.as_current():
            z = da.random.default_rng(0).standard_normal(WORKERS_SIZE, chunks=(n // BLOCKS, -1, -1), dtype=np.float32)
            arrays[p] = z.persist()
            wait(arrays[p])
            Koopman().fit(arrays[p][: 2 * n // BLOCKS])
    for _ in range(3):
        for p, client in clusters.items():
            with client.as_current():
                found[p].append(wall_seconds(lambda p=p: Koopman().fit(arrays[p])))
    client = clusters[1]
    transfer = median(wall_seconds(client.submit(PairGrams, d, d, pure=False).result) for _ in range(9))
    for client in clusters.values():
        client.close()
        client.cluster.close()
    fitted = Koopman().fit(states((40, 50, d)))
    solve = min(cpu_seconds(lambda: fitted._solve(fitted.pairs_, fitted._lift)) for _ in range(3))

    def model(p: int) -> float:
        return 3 * n * t * d**2 / p / rate + np.ceil(np.log2(p)) * transfer + solve

    measured = {p: median(seconds) / median(found[1]) for p, seconds in found.items()}
    rows = [
        [str(p), f"{1 / measured[p]:.2f}" if p in measured else "", f"{model(1) / model(p):.2f}"]
        for p in (1, 2, 4, 8, 16, 32, 64)
    ]
    table = markdown(["processes", "speed-up measured", "speed-up by the model"], rows)
    terms = [
        f"- products: 3 N T d² / p operations at {rate / 1e9:.0f} Gflop/s, {3 * n * t * d**2 / rate:.2f} s for p = 1;",
        f"- the tree: ⌈log₂ p⌉ transfers of three d × d matrices, {3 * d * d * 8 / MEGABYTE:.1f} MB in "
        f"{1e3 * transfer:.0f} ms each, as measured between two processes here;",
        f"- the solve, by one: {1e3 * solve:.0f} ms.",
    ]
    size = f"{n} × {t} × {d} in {BLOCKS} blocks"
    return (
        f"Wall time, {size} of float32 that the workers hold, with {os.cpu_count()} processors in the machine, "
        "relative to one process:\n\n" + table + "\n\nThe model of the time that p workers take:\n\n" + "\n".join(terms)
    )


def table() -> str:
    """The whole section as Markdown."""
    warnings.simplefilter("ignore")
    ratios, rate = speed()
    return "\n\n".join(
        [
            "## Koopman.fit",
            "The states are float32. A number above 1 says that the fit is faster. *lstsq* is NumPy's, which computes "
            "in float64 whatever it is given, so that float32 saves it nothing; SciPy's does compute in float32. The "
            "bound is 3 N T d² operations, those of XᵀX and XᵀY, at the "
            f"{rate / 1e9:.0f} Gflop/s that large float64 products reach here; the fit forms both from two thirds of "
            "these operations, so it may pass the bound. Both `lstsq` and PyDMD are left out at the largest size, "
            "where they take gigabytes and minutes. Time is CPU time of one thread, a ratio the median over rounds. "
            "The fit finds the eigenvalues, too; *deeptime* stops at the two matrices, *lstsq* at the operator; "
            "*kooplearn* takes one trajectory, so it is given all of them end to end.",
            ratios,
            "### More features than pairs",
            "States of four directions and some noise; the operator is kept as two thin factors.",
            wide(),
            "### Batches and long forecasts",
            batches(),
            "### Digits",
            "Largest eigenvalue error for planes that turn at known speeds, float32 states; median of five seeds.",
            digits(),
            "### Memory",
            memory(),
            "### What did not win",
            tried(),
            "### Workers",
            workers(rate),
        ]
    )


if __name__ == "__main__":
    print(table())
