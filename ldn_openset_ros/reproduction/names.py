"""The names of the tables and profiles: files in `config/reproduce`, read by `plan`."""

from __future__ import annotations

TABLE_NAMES = ("table1", "table3", "figure7")
PROFILE_NAMES = ("vistas", "camvid")
"""The paper's own data first: it is taken where both are there."""
