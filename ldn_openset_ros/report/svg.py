"""Draw with Matplotlib into SVG text that follows the page's light or dark colours.

Matplotlib knows fixed colours alone. So it draws in colours that stand for a CSS variable each,
and these are replaced in the SVG.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from xml.etree import ElementTree

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

UNITS_PER_INCH = 72
FONT_SIZE = 11
NUM_COLOURS = 6
INK, MUTED, GRID = "#010101", "#010102", "#010103"
SERIES = tuple(f"#0102{number:02x}" for number in range(1, NUM_COLOURS + 1))
VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, start=1)},
}
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ldn_openset_ros",
    "text.parse_math": False,  # names may hold dollar signs
    "font.size": FONT_SIZE,
    "axes.labelsize": FONT_SIZE,
    "xtick.labelsize": FONT_SIZE,
    "ytick.labelsize": FONT_SIZE,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
}
NAMESPACE = re.compile(r"\{[^}]*\}")
REFERENCE = re.compile(r"#([\w-]+)")
REFERRING = ("href", "clip-path")


def draw_svg(
    draw: Callable[[Axes], None],
    name: str,
    label: str,
    size: tuple[float, float],
    margins: tuple[float, float, float, float],
) -> str:
    """Return an inline SVG of what `draw` makes of its axes; equal input gives equal text.

    name: in front of its ids, unique in the page. label: what is read aloud in its place. size:
    width and height. margins: left, right, top and bottom of the axes. Units are CSS pixels where
    the chart is shown at its own size.
    """
    width, height = size
    left, right, top, bottom = margins
    rectangle = (
        left / width,
        bottom / height,
        (width - left - right) / width,
        (height - top - bottom) / height,
    )
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=(width / UNITS_PER_INCH, height / UNITS_PER_INCH))
        draw(figure.add_axes(rectangle))
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return _inline(ElementTree.fromstring(text.getvalue()), name, label)


def _inline(root: ElementTree.Element, name: str, label: str) -> str:
    """Return a whole SVG document as an element that can stand in an HTML page."""
    _drop(root, {"metadata", "style"})  # its style sheet would reach the whole page
    for element in root.iter():
        element.tag = NAMESPACE.sub("", element.tag)
        for key in list(element.attrib):
            element.attrib[NAMESPACE.sub("", key)] = element.attrib.pop(key)
        if "style" in element.attrib:
            element.set("style", _themed(element.get("style")))
        element.tail = None
        if element.tag != "text":
            element.text = None
    _rename_ids(root, name)
    root.attrib = {"viewBox": root.get("viewBox"), "role": "img", "aria-label": label}
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)


def _drop(root: ElementTree.Element, tags: set[str]) -> None:
    for parent in root.iter():
        for child in list(parent):
            if NAMESPACE.sub("", child.tag) in tags:
                parent.remove(child)


def _themed(style: str) -> str:
    """Replace stand-in colours, and leave the font's family to the page."""
    for colour, variable in VARIABLES.items():
        style = style.replace(colour, variable)
    style = re.sub(r"font: ([\d.]+px) [^;]*", r"font-size: \1", style)
    return re.sub(r"font-family: [^;]*;? ?", "", style)


def _rename_ids(root: ElementTree.Element, name: str) -> None:
    """Keep the ids that something refers to, with `name` in front."""
    used = {
        match
        for element in root.iter()
        for key in REFERRING
        for match in REFERENCE.findall(element.get(key, ""))
    }
    for element in root.iter():
        identifier = element.attrib.pop("id", None)
        if identifier in used:
            element.set("id", f"{name}-{identifier}")
        for key in REFERRING:
            if key in element.attrib:
                element.set(key, REFERENCE.sub(rf"#{name}-\1", element.get(key)))
