"""What the ids in the published maps mean."""

from __future__ import annotations

from ldn_openset_ros.taxonomy import IGNORE_INDEX, Taxonomy

OUTLIER_NAME = "outlier"
VOID_NAME = "void"


def id_names(taxonomy: Taxonomy) -> dict[int, str]:
    """Return the name of every id in an open-set map: classes, outlier and void."""
    names = dict(enumerate(taxonomy.names))
    return {**names, taxonomy.outlier_id: OUTLIER_NAME, IGNORE_INDEX: VOID_NAME}


def legend(taxonomy: Taxonomy, **settings: str | float) -> dict:
    """Return the JSON-ready legend: `settings`, then id, name and RGB colour of every class."""
    palette = taxonomy.palette()
    classes = [
        {"id": index, "name": name, "colour": palette[index].tolist()}
        for index, name in id_names(taxonomy).items()
    ]
    return {
        **settings,
        "outlier_id": taxonomy.outlier_id,
        "void_id": IGNORE_INDEX,
        "classes": classes,
    }
