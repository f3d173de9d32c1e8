"""How fast `linearize` is beside its peers, and how near to the matrix products it cannot do without.

Run by ``make bench``: one thread, CPU seconds, interleaved repeats, all in one run.
"""

import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from itertools import accumulate
from statistics import median
from unittest.mock import patch

import torch
from architectures import torchvision
from bench_tools import cpu_seconds, interleaved, markdown, ratio, verdict
from captum.attr import Saliency
from instance_nets import conv_net, transformer
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from linearlens.instance import linearize
from linearlens.models import mlp

REPEATS, SLOT = 15, 0.04  # rounds, and CPU seconds that a method gets in each, at least
K = 10
PEERS = ("row loop", "captum", "vmap(jacrev)", "limit")
REAL = {"resnet18": 128, "mobilenet_v2": 128, "vgg11": 64, "vit_b_32": 224}  # of torchvision, and the side of an image
PARTS = {  # what is quick for a reason, and what takes its place
    "oneDNN's products": ("_layers.ONEDNN", None),
    "kernels tap by tap": ("_layers.FEW_CHANNELS", 0),
    "pools by pixels": ("_pools._by_pixels", lambda func, z: z),
    "rows in parts": ("_tape.PART", 2**60),
    "equal rows once": ("_tape.is_alike", lambda rows: False),
}
FORMS = ("linearize", "tangent form")
FORMS_OF = ("ratio", "tangent")
BARS = {  # over each peer; share of the limit, of 256 instances
    "perceptron 64-128-128-10": (1.0, 1.0, 1.0, None),
    "convolutional, 8 × 8": (1.0, 1.0, 1.0, None),
    "perceptron 784-512-512-10": (1.9, 1.0, 1.0, 0.75),
    "convolutional, 28 × 28": (1.7, 1.0, 1.0, None),
    "transformer, 8 rows": (1.0, 1.0, 1.0, None),
    "gated transformer, 8 rows": (1.0, 1.0, 1.0, None),
}
NETS: dict[str, tuple[Callable[[], nn.Module], int]] = {  # what makes it, and the entries of an instance
    "perceptron 64-128-128-10": (lambda: mlp([64, 128, 128, K]), 64),
    "convolutional, 8 × 8": (lambda: conv_net(8, dropout=0), 64),
    "perceptron 784-512-512-10": (lambda: mlp([784, 512, 512, K]), 784),
    "convolutional, 28 × 28": (lambda: conv_net(28, dropout=0), 784),
    "transformer, 8 rows": (lambda: transformer(gated=False), 64),
    "gated transformer, 8 rows": (lambda: transformer(gated=True), 64),
}
SMALL_CNN, LARGE_MLP, LARGE_CNN = list(NETS)[1:4]
CASES = [(name, n) for name in NETS for n in (64, 256) if (name, n) != (LARGE_CNN, 256)]


def case(name: str, n: int) -> tuple[nn.Module, Tensor]:
    build, size = NETS[name]
    return build().eval(), torch.rand(n, size)


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
    "tangent form": lambda model, x: linearize(model, x, form="tangent").weight,
    "row loop": row_loop,
    "captum": captum,
    "vmap(jacrev)": jacobian,
}


def zennit(model: nn.Module, x: Tensor) -> Tensor:
    """LRP-0 of a network without norms, a pass for each output."""
    torchvision()  # zennit asks for it
    from zennit.attribution import Gradient
    from zennit.composites import LayerMapComposite
    from zennit.rules import Epsilon
    from zennit.types import Linear

    with Gradient(model, LayerMapComposite([(Linear, Epsilon(epsilon=1e-9))])) as attribute:
        return torch.stack([attribute(x, lambda out, row=row: out * row)[1] for row in torch.eye(K)], 1)


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


def large_product() -> tuple[Callable[[], object], float]:
    """Twenty large products, by MKL, which is behind ``@``, or by oneDNN, the quicker; and their multiply-adds."""
    a, b = torch.randn(2560, 512), torch.randn(512, 512)
    ways = [lambda: a @ b, lambda: torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")]
    best = min(ways, key=lambda way: min(cpu_seconds(way) for _ in range(20)))
    return partial(repeat, best, 20), 20 * 2560 * 512 * 512


def peak_memory(run: Callable[[], object]) -> float:
    """MiB that torch holds at most while something runs, beyond what it held before."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    return max(accumulate(e.nbytes() for e in sorted(events, key=lambda e: e.start_ns()))) / 2**20


def agreement(one: Tensor, other: Tensor) -> float:
    """Share of instances of equal maps: where a sum was taken in another order, a unit at zero may be on or off."""
    return ((one - other).flatten(1).abs().amax(1) < 1e-4 * other.abs().max()).float().mean().item()


def speed() -> str:
    """Tables of times and of ratios."""
    times, ratios, met, rates = [], [], [], []
    product, multiplied = large_product()
    for name, n in CASES:
        model, x = case(name, n)
        weights = [method(model, x) for method in METHODS.values()]
        smooth = "transformer" in name  # of which the ratio form is another map
        assert all(agreement(weight, weights[smooth]) >= 0.98 for weight in weights[smooth:])
        del weights
        calls = max(1, int(SLOT / cpu_seconds(partial(row_loop, model, x))))
        runs = {m: partial(repeat, partial(run, model, x), calls) for m, run in METHODS.items()}
        found = interleaved(runs | {"limit": product}, REPEATS, warm=True)
        rates += [2 * multiplied / seconds for seconds in found["limit"]]
        forward, row = multiply_adds(model, x)
        found["limit"] = [calls * n * (forward + K * row) * seconds / multiplied for seconds in found["limit"]]
        for form in FORMS:
            bars = BARS[name] if form == "linearize" and n == 256 else (*BARS[name][:3], None)
            bars = bars if form == "linearize" else (1.0, 1.0, 1.0, None)
            shares = [ratio(found[peer], found[form]) for peer in PEERS]
            met += [share >= bar for share, bar in zip(shares, bars, strict=True) if bar is not None]
            ratios.append([f"{name}, {n}", form, *map(verdict, shares, bars)])
        times.append([f"{name}, {n}", *(f"{1e3 * min(seconds) / calls:.2f}" for seconds in found.values())])
    return "\n\n".join(
        [
            "CPU milliseconds, the least of the rounds:",
            markdown(["network, batch", *METHODS, "limit"], times),
            f"Time of each way over that of `linearize`, the median of the rounds; {sum(met)} of {len(met)} bars met:",
            markdown(["network, batch", "form", *PEERS], ratios),
            f"Large products ran at {median(rates) / 1e9:.0f} Gflop/s.",
        ]
    )


def repeat(run: Callable[[], object], times: int) -> None:
    for _ in range(times):
        run()


def parts() -> str:
    """What goes slower if one way of being quick is taken out."""
    lines = []
    for name, n in CASES:
        model, x = case(name, n)
        whole = partial(linearize, model, x)
        calls = max(1, int(SLOT / cpu_seconds(whole)))

        def without(place: str, instead: object, run: Callable[[], object] = whole, calls: int = calls) -> None:
            with patch(f"linearlens.instance.{place}", instead):
                repeat(run, calls)

        runs = {"whole": partial(repeat, whole, calls)} | {part: partial(without, *how) for part, how in PARTS.items()}
        found = interleaved(runs, REPEATS, warm=True)
        lines.append([f"{name}, {n}", *(f"{ratio(found[part], found['whole']):.2f}" for part in PARTS)])
    return markdown(["time without, over that with", *PARTS], lines)


def real_networks() -> str:
    """One output of networks of torchvision, beside one backward pass."""
    if not find_spec("torchvision"):
        return "Not measured: torchvision is not installed."
    lines = []
    for name, side in REAL.items():
        model, x = torchvision().models.get_model(name).eval(), torch.randn(16, 3, side, side)

        def one_pass(model: nn.Module = model, x: Tensor = x) -> None:
            z = x.clone().requires_grad_()
            torch.autograd.grad(model(z)[:, 0].sum(), z)

        runs = {"pass": one_pass} | {form: partial(linearize, model, x, outputs=[0], form=form) for form in FORMS_OF}
        found = interleaved(runs, 5, warm=True)
        shares = [verdict(ratio(found[form], found["pass"]), 1.3, most=True) for form in FORMS_OF]
        lines.append([f"{name}, 16 images of {side} × {side}", f"{1e3 * min(found['pass']):.0f} ms", *shares])
    return markdown(["network", "one backward pass", *(f"{form} form over it" for form in FORMS_OF)], lines)


def relevance() -> str:
    """LRP-0 as zennit has it, beside the same numbers by `linearize`."""
    if not find_spec("zennit"):
        return "Not measured: zennit is not installed."
    lines = []
    for name, n in CASES:
        if "perceptron" not in name:
            continue
        model, x = case(name, n)
        runs = {"own": partial(linearize, model, x), "zennit": partial(zennit, model, x)}
        assert agreement(linearize(model, x).weight * x[:, None], zennit(model, x)) >= 0.98
        found = interleaved(runs, REPEATS, warm=True)
        lines.append([f"{name}, {n}", verdict(ratio(found["zennit"], found["own"]), 1.0)])
    return markdown(["network, batch", "zennit's time over that of linearize"], lines)


def rows_asked_for() -> str:
    counts = (1, 2, 5, 10)
    lines = []
    for name, n in ((LARGE_MLP, 256), (LARGE_CNN, 64)):
        model, x = case(name, n)
        runs = {str(k): partial(linearize, model, x, outputs=range(k)) for k in counts}
        found = interleaved(runs, REPEATS, warm=True)
        lines.append([f"{name}, {n}", *(f"{1e3 * min(seconds):.1f}" for seconds in found.values())])
    return markdown(["CPU ms for so many outputs", *map(str, counts)], lines)


def memory() -> str:
    lines = []
    for name, n in ((SMALL_CNN, 256), (LARGE_MLP, 256), (LARGE_CNN, 64)):
        model, x = case(name, n)
        most = 2 * n * K * x.shape[1] * 4 / 2**20 + peak_memory(partial(model, x))
        own, *others = (peak_memory(partial(run, model, x)) for run in METHODS.values())
        lines.append([f"{name}, {n}", verdict(own, most, most=True), *(f"{size:.2f}" for size in others)])
    return markdown(["network, batch", *METHODS], lines)


def table() -> str:
    """The whole section as Markdown."""
    warnings.simplefilter("ignore")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    try:
        return "\n\n".join(
            [
                "## linearize",
                "All rows of W, and b, of random networks with ten outputs, float32. *Row loop*: a backward pass of "
                "autograd for each output; captum: `Saliency`, one call for each output. None of the three peers gives "
                "b. The *limit* is the multiplications of the forward pass and of ten rows carried back, the last "
                "layer's left out, at the speed of one large product; convolutions of small images do not reach that. "
                "Before a round counts, each way runs for one round, since what ran before has a hand in the first "
                "calls. The bars: never slower than a peer, in either form; in ratio form 1.9 times as fast as the "
                "row loop on the wide perceptron, at .75 of the limit for 256 instances, and 1.7 times as fast on the "
                "larger images. No way of computing W can gain more on a peer than that peer's own distance from the "
                "limit.",
                "The perceptrons depend on the processor more than on the program. Torch's own products leave half of "
                "an AMD processor idle, and `linearize` goes by oneDNN, which does not; on an Intel processor both "
                "are as quick. The same bench on an AMD EPYC, in an earlier state of the engine, had the row loop at "
                "1.94 and 1.92 times the time of `linearize` on the wide perceptron, 64 and 256 instances, and at "
                "1.76 on the larger images.",
                speed(),
                "### Rows asked for",
                rows_asked_for(),
                "### Beside zennit",
                "`W * x` is the relevance of LRP-0.",
                relevance(),
                "### One output of a real network",
                real_networks(),
                "### What each way of being quick buys",
                "Each is taken out by itself; what bought less than a tenth everywhere was taken out for good: small "
                "convolutions as dense matrices.",
                parts(),
                "### Memory of linearize",
                "Most MiB that are held beyond what was there before, the result included. The bar is twice W and one "
                "forward pass.",
                memory(),
            ]
        )
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    print(table())
