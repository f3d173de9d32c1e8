"""What students are shown of hidden tests that they failed."""

from typing import Any

from nbconvert.preprocessors import Preprocessor


class ShortErrors(Preprocessor):
    """Keep of each error its message: what stands around it is the code of the test."""

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> tuple[Any, Any]:
        """Shorten the errors below one graded cell."""
        if cell.metadata.get("nbgrader", {}).get("grade"):
            for output in cell.get("outputs", []):
                if output.get("output_type") == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources
