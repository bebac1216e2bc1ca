"""LSUN (Yu et al. 2015): pictures of rooms and objects, the negatives of WD-LSUN."""

from __future__ import annotations

from pathlib import Path

from ldn_openset_ros.data.pictures import PICTURE_SUFFIXES
from ldn_openset_ros.errors import OpenSetError


def list_lsun(root: str | Path) -> list[Path]:
    """Return the pictures below `root`, at any depth, in the order of their paths.

    LSUN is published as LMDB databases. The publisher's `data.py export` writes them as
    `<a>/<b>/.../<key>.webp`, flat or nested; both are read, as is any other folder of pictures.
    Raises OpenSetError for an absent or empty folder and for a database.
    """
    root = Path(root)
    if not root.is_dir():
        raise OpenSetError(
            f"no LSUN at {root}: download it with https://github.com/fyu/lsun and export it there"
        )
    pictures = sorted(p for p in root.rglob("[!.]*") if p.suffix.lower() in PICTURE_SUFFIXES)
    if not pictures:
        database = next(iter(root.rglob("data.mdb")), None)
        if database is not None:
            raise OpenSetError(
                f"{database} is an LMDB database, which is not read: export it with "
                f"`python data.py export {database.parent} --out_dir {root}` of "
                "https://github.com/fyu/lsun"
            )
        raise OpenSetError(f"{root} holds no pictures: put LSUN's exported pictures there")
    return pictures
