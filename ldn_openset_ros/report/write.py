"""Write the report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ldn_openset_ros import __version__
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.folders import make_folder
from ldn_openset_ros.report.figures import count
from ldn_openset_ros.report.results import Run, read_runs
from ldn_openset_ros.report.section import have_equal_protocols
from ldn_openset_ros.report.sections import all_sections

TEMPLATE_FILE = "report.html.jinja"
STYLE_FILE = "report.css"
METHODS = {
    "model": "a model was run over the frames",
    "recorded": "recorded outputs were judged",
    "live": "a running node's published outputs were judged",
}


def write_report(folders: Sequence[Path], output: Path) -> None:
    """Write one self-contained HTML file on the results in one folder, or several side by side.

    Equal folders give equal files; nothing is loaded from elsewhere. Raises OpenSetError for a
    folder without results, damaged results, a missing picture, and where the file cannot be
    written.
    """
    if not folders:
        raise OpenSetError("no results folder to report on: give at least one")
    page = render_page(read_runs(folders))
    make_folder(output.parent)
    try:
        output.write_text(page, encoding="utf-8")
    except OSError as error:
        raise OpenSetError(f"cannot write {output}: {error.strerror}") from None


def render_page(runs: Sequence[Run]) -> str:
    """Return the report's HTML."""
    package = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["count"] = count
    environment.filters["as_json"] = lambda values: json.dumps(values, indent=2)
    title = runs[0].label if len(runs) == 1 else f"{len(runs)} evaluations side by side"
    return environment.get_template(TEMPLATE_FILE).render(
        title=title,
        runs=runs,
        sections=all_sections(runs),
        equal_protocols=have_equal_protocols(runs),
        methods=METHODS,
        version=__version__,
        style=Markup((package / STYLE_FILE).read_text()),
    )
