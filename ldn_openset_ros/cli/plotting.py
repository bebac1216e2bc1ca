"""Matplotlib, which long commands want at their end, looked at before they start."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ldn_openset_ros.errors import OpenSetError, one_line

OLDEST = (3, 9)
"""Older ones are made for NumPy 1; `setup.py` asks for it as well."""
REMEDY = f"pip install --upgrade 'matplotlib>={'.'.join(map(str, OLDEST))}'"


def report_writer() -> Callable[[Sequence[Path], Path], None]:
    """Return `report.write.write_report`; raises OpenSetError where reports cannot be drawn."""
    check_matplotlib("the report")
    try:
        from ldn_openset_ros.report.write import write_report
    except ImportError as error:
        raise OpenSetError(f"the report needs what cannot be imported: {error}") from None
    return write_report


def check_matplotlib(user: str) -> None:
    """Draw a figure for nobody; raises OpenSetError with the remedy where that cannot be."""
    try:
        found = version("matplotlib")
    except PackageNotFoundError:
        raise OpenSetError(f"{user} needs Matplotlib: {REMEDY}") from None
    if tuple(map(int, re.findall(r"\d+", found)[:2])) < OLDEST:  # one for NumPy 1 prints a trace
        raise OpenSetError(f"{user} needs a newer Matplotlib than {found}: {REMEDY}")
    try:
        from matplotlib.figure import Figure

        for kind in ("svg", "png"):
            figure = Figure()
            figure.add_subplot().set_title("1")
            figure.savefig(io.BytesIO(), format=kind)
    except Exception as error:  # whatever a broken installation raises
        raise OpenSetError(
            f"{user} needs Matplotlib, which does not work here ({one_line(error)}): {REMEDY}"
        ) from None
