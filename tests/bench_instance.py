"""How fast `linearize` is beside its peers, and how near to the matrix products it cannot do without.

Run by ``make bench``: one thread, CPU seconds, the least of interleaved repeats, all in one run.
"""

import time
import warnings
from collections.abc import Callable
from functools import partial
from itertools import accumulate

import torch
from captum.attr import Saliency
from instance_nets import conv_net
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from linearlens.instance import linearize
from linearlens.models import mlp

REPEATS = 15
K = 10
TARGETS = {  # over the row loop, captum, vmap(jacrev); share of the limit
    "mlp64": (2.0, 10.0, 1.8, None),
    "cnn8": (2.5, 5.0, 2.5, None),
    "mlp784": (1.3, 3.0, 1.05, 0.75),
    "cnn28": (2.0, 4.0, 4.0, None),
}
CASES: list[tuple[str, int, Callable[[], nn.Module], tuple[int, ...]]] = [
    ("mlp64", 64, lambda: mlp([64, 128, 128, K]), (64,)),
    ("mlp64", 256, lambda: mlp([64, 128, 128, K]), (64,)),
    ("cnn8", 64, lambda: conv_net(8, dropout=0), (64,)),
    ("cnn8", 256, lambda: conv_net(8, dropout=0), (64,)),
    ("mlp784", 64, lambda: mlp([784, 512, 512, K]), (784,)),
    ("mlp784", 256, lambda: mlp([784, 512, 512, K]), (784,)),
    ("cnn28", 64, lambda: conv_net(28, dropout=0), (784,)),
]


def row_loop(model: nn.Module, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    y = model(x)
    return torch.stack([torch.autograd.grad(y[:, k].sum(), x, retain_graph=True)[0] for k in range(K)], 1)


def captum(model: nn.Module, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    return torch.stack([Saliency(model).attribute(x, target=k, abs=False) for k in range(K)], 1)


def jacobian(model: nn.Module, x: Tensor) -> Tensor:
    weights = {name: value.detach() for name, value in [*model.named_parameters(), *model.named_buffers()]}
    return vmap(jacrev(lambda one: functional_call(model, weights, (one[None],))[0]))(x)


METHODS: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    "linearize": lambda model, x: linearize(model, x).weight,
    "row loop": row_loop,
    "captum": captum,
    "vmap(jacrev)": jacobian,
}


def cpu_seconds(run: Callable[[], object], calls: int = 1) -> float:
    """Of one call, as the mean of several."""
    start = time.process_time()
    for _ in range(calls):
        run()
    return (time.process_time() - start) / calls


def multiply_adds(model: nn.Module, x: Tensor) -> tuple[int, int]:
    """Of the forward pass for one instance, and of one row carried back; the last layer's row is there already."""
    layers: list[int] = []

    def count(module: nn.Module, args: tuple, out: Tensor) -> None:
        assert isinstance(module.weight, Tensor)
        layers.append(out[0].numel() * module.weight[0].numel())

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    model(x[:1])
    for hook in hooks:
        hook.remove()
    return sum(layers), sum(layers[:-1])


def peak_of_products() -> float:
    """Multiply-adds a CPU second of a large matrix product: the better of MKL, behind ``@``, and oneDNN."""
    a, b = torch.randn(2560, 512), torch.randn(512, 512)
    products = [lambda: a @ b, lambda: torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")]
    return 2560 * 512 * 512 / min(cpu_seconds(product) for product in products for _ in range(30))


def peak_memory(run: Callable[[], object]) -> float:
    """MiB that torch holds at most while something runs, beyond what it held before."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    return max(accumulate(e.nbytes() for e in sorted(events, key=lambda e: e.start_ns()))) / 2**20


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    print(f"float32, {K} outputs, one thread; CPU ms, the least of {REPEATS} interleaved repeats")
    print(
        "case        " + "".join(f"{name:>13}" for name in METHODS) + "   limit | ratios: loop, captum, jacrev, limit"
    )
    met: list[bool] = []
    for name, n, build, shape in CASES:
        model, x = build().eval(), torch.rand(n, *shape)
        weights = [method(model, x) for method in METHODS.values()]
        assert all((weight - weights[0]).abs().max() < 1e-4 * weights[0].abs().max() for weight in weights)
        del weights
        best = dict.fromkeys(METHODS, float("inf"))
        calls = max(1, int(0.04 / cpu_seconds(partial(row_loop, model, x))))
        peak = 0.0
        for _ in range(REPEATS):
            for method, run in METHODS.items():
                cpu_seconds(partial(run, model, x), calls)  # not counted: what ran before has a hand in it
                best[method] = min(best[method], cpu_seconds(partial(run, model, x), calls))
            peak = max(peak, peak_of_products())
        forward, row = multiply_adds(model, x)
        limit = n * (forward + K * row) / peak
        own = best["linearize"]
        shares = [*(best[peer] / own for peer in ("row loop", "captum", "vmap(jacrev)")), limit / own]
        judged = []
        for share, target in zip(shares, TARGETS[name], strict=True):
            if target is not None:
                met.append(share >= target)
            mark = "" if target is None else f" (≥ {target:g} {'met' if share >= target else 'SHORT'})"
            judged.append(f"{share:.2f}{mark}")
        times = "".join(f"{1e3 * seconds:13.2f}" for seconds in best.values())
        print(f"{name:>7}-{n:<4}{times}{1e3 * limit:8.2f} | {', '.join(judged)}", flush=True)
    print(f"{sum(met)} of {len(met)} targets met; products at {2e-9 * peak:.0f} Gflop/s")

    print("\nrows asked for: CPU ms of linearize for 1, 2, 5 and 10 outputs")
    for name, n, build, shape in (CASES[5], CASES[6]):
        model, x = build().eval(), torch.rand(n, *shape)
        rows = (1, 2, 5, 10)
        best_of = dict.fromkeys(rows, float("inf"))
        for _ in range(REPEATS):
            for k in rows:
                seconds = cpu_seconds(partial(linearize, model, x, outputs=range(k)))
                best_of[k] = min(best_of[k], seconds)
        print(f"{name:>7}-{n:<4}" + "".join(f"{1e3 * seconds:9.2f}" for seconds in best_of.values()))

    print("\npeak extra memory, MiB: the target is twice the weights and one forward pass")
    for case in (3, 5, 6):
        name, n, build, shape = CASES[case]
        weight = n * K * torch.Size(shape).numel() * 4 / 2**20
        model, x = build().eval(), torch.rand(n, *shape)
        forward = peak_memory(partial(model, x))
        found = {method: peak_memory(partial(run, model, x)) for method, run in METHODS.items()}
        ok = "met" if found["linearize"] <= 2 * weight + forward else "SHORT"
        listed = ", ".join(f"{method} {size:.1f}" for method, size in found.items())
        print(f"{name:>7}-{n:<4} weights {weight:.1f}, forward {forward:.1f}: {listed}; {ok}")


if __name__ == "__main__":
    main()
