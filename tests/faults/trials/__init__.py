"""The trials, a module a group."""

from faults.trial import Trial
from faults.trials import downloads, environment, freshness, kills, sources, state, stops

MODULES = {
    "kills": kills,
    "stops": stops,
    "state": state,
    "sources": sources,
    "freshness": freshness,
    "environment": environment,
    "downloads": downloads,
}
GROUPS: dict[str, list[Trial]] = {name: module.trials() for name, module in MODULES.items()}
WHAT = {name: (module.__doc__ or "").partition("\n")[0] for name, module in MODULES.items()}


def by_name() -> dict[str, Trial]:
    """All of them, by group and name."""
    return {f"{group}/{trial.name}": trial for group, trials in GROUPS.items() for trial in trials}
