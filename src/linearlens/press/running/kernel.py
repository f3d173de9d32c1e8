"""How the cells of a chapter are executed: by which Python, with how many threads, where. Its numbers depend on this.

So the code of this module counts among the sources of every chapter.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import papermill
from ipykernel.kernelspec import make_ipkernel_cmd
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from papermill.engines import NBClientEngine, papermill_engines

from linearlens.paths import BUILD, ROOT

ENGINE = "linearlens"
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

OnStart = Callable[[str], Any]
OnCell = Callable[[int, int], Any]


class OwnKernel(AsyncKernelManager):
    """The Python that runs this command, whichever kernels are registered on the machine."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """Of this Python."""
        return KernelSpec(argv=make_ipkernel_cmd(), display_name="Python 3", language="python")


class _Engine(NBClientEngine):
    """papermill's own engine, telling which cell starts, and after each how many are done."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, *, on_start: OnStart, on_cell: OnCell, **options):
        n_cells, start, complete = len(nb_man.nb.cells), nb_man.cell_start, nb_man.cell_complete

        def cell_start(cell, cell_index=None, **more):
            start(cell, cell_index=cell_index, **more)
            on_start(nb_man.nb.cells[cell_index or 0].id)

        def cell_complete(cell, cell_index=None, **more):
            complete(cell, cell_index=cell_index, **more)
            on_cell((cell_index or 0) + 1, n_cells)

        nb_man.cell_start, nb_man.cell_complete = cell_start, cell_complete
        return super().execute_managed_notebook(nb_man, kernel_name, kernel_manager_class=OwnKernel, **options)


papermill_engines.register(ENGINE, _Engine)


def run_cells(
    notebook: nbformat.NotebookNode, parameters: dict[str, Any], output: Path, on_start: OnStart, on_cell: OnCell
) -> nbformat.NotebookNode:
    """Execute the cells on one thread, in the root of the checkout and with its package; save to `output` meanwhile."""
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), *([inherited] if inherited else [])])
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # so that CPU seconds mean something
    os.environ["IPYTHONDIR"] = str(BUILD / "ipython")  # without what a reader's own does when it starts
    papermill.execute_notebook(
        notebook,
        str(output),
        parameters=parameters,
        engine_name=ENGINE,
        kernel_name="python3",
        progress_bar=False,
        cwd=str(ROOT),
        on_start=on_start,
        on_cell=on_cell,
    )
    return nbformat.read(output, as_version=4)
