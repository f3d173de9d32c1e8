"""Which calls leave alone what they are given, and which give what changes by being read; all others may do both."""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Methods and functions that change nothing but a drawing.
PLOTS = _words(
    """
    add_artist add_axes add_gridspec add_patch add_subplot annotate arrow axhline axhspan axis axline axvline
    axvspan bar bar_label barh boxplot clabel colorbar contour contourf errorbar figure fill_between
    fill_betweenx get_legend_handles_labels get_xlim get_ylim grid hist hlines imshow inset_axes invert_xaxis
    invert_yaxis label_outer legend loglog margins matshow minorticks_off pcolormesh plot quiver scatter
    secondary_xaxis secondary_yaxis semilogx semilogy set set_alpha set_aspect set_axis_off set_bbox
    set_box_aspect set_color set_linewidth set_title set_xlabel set_xlim set_xscale set_xticklabels set_xticks
    set_ylabel set_ylim set_yscale set_yticklabels set_yticks set_zorder show stem streamplot subfigures
    subplots subplots_adjust suptitle supxlabel supylabel text tick_params title triplot twinx twiny violinplot
    vlines
    """
)
# Those of matplotlib's modules beside them.
SHAPES = _words("Circle Ellipse Line2D LogNorm Normalize Patch Polygon Rectangle close get_cmap rc_context to_rgb")
# Those that leave all as it was, if they are not given a place to write to: by how many arguments come before it.
ALONE = _words(
    "abs absolute angle ceil conj cos degrees exp expm1 floor isfinite isnan log log10 log1p log2 radians sign sin sqrt"
)
FIRST = _words(
    """
    add all any argmax argmin concatenate cumprod cumsum diff divide dot gcd hypot max maximum mean median min
    minimum multiply outer percentile power prod quantile round stack std subtract sum var
    """
)
SECOND = _words("clip replace where")
FREE = _words(
    """
    allclose arange argsort array array_equal array_split asarray astype atleast_1d atleast_2d chain
    column_stack combinations contributions copy corrcoef count cov decode detach diag digitize eigenfunctions
    encode endswith expand_dims eye flatnonzero flatten format full geomspace get histogram hstack index interp
    isclose isdigit isin item items itemgetter join keys linspace logspace lower meshgrid no_grad nonzero norm
    numpy ones ones_like pairwise polyfit polyval predict product ravel real removeprefix removesuffix repeat
    reshape residuals rollout searchsorted split squeeze startswith strip swapaxes tile time_vectors tolist
    transform transpose tril triu unflatten unique upper values view vstack zeros zeros_like
    """
)
CONSTANTS = _words("bool e float32 float64 inf int64 long nan newaxis pi tau")
PURE = ("numpy", "matplotlib", "scipy", "torch", "math", "itertools", "operator", "myst_nb")
NUMBERS = ("numpy", "scipy", "sklearn", "torch", "math", "matplotlib", "time")
OURS = ("linearlens.figures", "linearlens.koopman", "linearlens.snapshots", "linearlens.kann", "linearlens.credit",
        "linearlens.instance", "linearlens.layers")  # fmt: skip
BUILTINS = _words(
    """
    KeyError ValueError abs all any bool chr complex dict divmod enumerate filter float format frozenset getattr
    int isinstance len list map max min ord print range repr reversed round set slice sorted str sum tuple zip
    """
)
DRAWS = _words("choice integers normal permutation standard_normal uniform")
# Attributes that change what they belong to once somebody calls them.
CHANGE = re.compile(
    r"__\w+__|add|append(left)?|backward|clear|close|discard|eval|extend(left)?|fill|insert|next|partition|pop(item|left)?"
    r"|put|read(lines?)?|remove|requires_grad_|resize|reverse|rotate|send|set(default|field|flags)|shuffle|sort|step|throw"
    r"|train|update|write(lines|rows?)?|zero_grad|(add|clamp|copy|div|fill|mul|normal|sub|uniform|zero)_"
)
WRITES = re.compile(r"out|inplace|file|copy|overwrite\w*")  # arguments that say where to
# Calls that give what changes by being read; methods that give what is held; what is run through once; what takes all.
MAKES = _words(
    """
    Event Generator Queue RandomState SimpleQueue cycle default_rng defaultdict islice iter memmap open partial
    reader spawn
    """
)
GIVES = _words("get items pop popitem popleft setdefault values")
LAZY = _words("enumerate filter map reversed zip")
CONSUMES = _words("copy deepcopy dict frozenset list set sorted tuple")


def is_known(full: str, n_given: int | None = None, *, unknown: bool = False) -> bool:
    """Whether a function of a library leaves alone what it is given; without a number, if it is handed on."""
    parts = full.split(".")
    if full.startswith(OURS):
        return True
    if parts[0] in ("matplotlib", "myst_nb"):
        return parts[-1] in PLOTS | SHAPES or full == "myst_nb.glue"
    if parts[0] not in PURE or unknown or "random" in parts:
        return full == "numpy.random.default_rng" and n_given is not None
    if n_given is None:
        return parts[-1] in FREE | CONSTANTS or parts[-1][0].isupper() or len(parts) == 1
    return leaves_alone(parts[-1], n_given)


def gives_numbers(full: str) -> bool:
    """Whether what a library gives is known to be no iterator, nor another object with a state."""
    top, _, last = full.partition(".")[0], *full.rpartition(".")[1:]
    return top == "linearlens" or (top in NUMBERS and not last[0].isupper())


def leaves_alone(last: str, n_given: int) -> bool:
    return last in FREE or any(last in words and n_given <= n for n, words in enumerate((ALONE, FIRST, SECOND), 1))
