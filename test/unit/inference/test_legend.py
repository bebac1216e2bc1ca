from __future__ import annotations

import json

from ldn_openset_ros.inference.legend import id_names, legend
from ldn_openset_ros.taxonomy import SemanticClass, Taxonomy

TAXONOMY = Taxonomy("two", (SemanticClass("road", (1, 2, 3)), SemanticClass("sky", (4, 5, 6))))


def test_every_id_has_a_name():
    assert id_names(TAXONOMY) == {0: "road", 1: "sky", 2: "outlier", 255: "void"}


def test_legend_is_json_with_settings_and_colours():
    content = json.loads(json.dumps(legend(TAXONOMY, model="m", threshold=0.5)))
    assert content == {
        "model": "m",
        "threshold": 0.5,
        "outlier_id": 2,
        "void_id": 255,
        "classes": [
            {"id": 0, "name": "road", "colour": [1, 2, 3]},
            {"id": 1, "name": "sky", "colour": [4, 5, 6]},
            {"id": 2, "name": "outlier", "colour": [255, 0, 220]},
            {"id": 255, "name": "void", "colour": [0, 0, 0]},
        ],
    }
