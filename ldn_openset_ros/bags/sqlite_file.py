"""Read one SQLite file of rosbag2, whole or damaged."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

import apsw

from ldn_openset_ros.bags.storage import CDR, Channel, Contents, Tally, is_latched
from ldn_openset_ros.errors import one_line


class SqliteFile:
    """A .db3 file of rosbag2, of any version of its schema.

    Messages come in the order of time. In a damaged file they come in the order of recording, up
    to the first that cannot be read. What a killed recorder left in the write-ahead log
    (`.db3-wal`) is read too. One message is in memory at a time. No file of the bag is changed.

    SQLite keeps no checksums: noise within the pixels of a message is not noticed.
    """

    def __init__(self, path: Path) -> None:
        logged = _has_log(path)
        # An immutable database is read without locks and writes, but also without its log.
        self._uri = f"{path.absolute().as_uri()}?{'mode=ro' if logged else 'immutable=1'}"
        self._pages = None if logged else _count_pages(path)
        within_page = self._pages is not None and not self._pages.is_integer()
        self._system = _WholePages() if within_page else None
        with closing(self._connect()) as database:
            self._topics = _read_topics(database)
            tally, damage = _scan(database)
        if self._pages is not None:
            damage = f"it ends after {self._pages:.1f} of its pages"
        self.contents = Contents(
            tuple(
                Channel(**topic, count=tally.counts.get(number, 0))
                for number, topic in self._topics.items()
            ),
            tally.start_ns,
            tally.end_ns,
            damage,
        )

    def messages(self, topics: Collection[str]) -> Iterator[tuple[str, int, bytes]]:
        """Yield (topic, time in nanoseconds, data); raise where the file is damaged."""
        names = {n: t["topic"] for n, t in self._topics.items() if t["topic"] in topics}
        try:
            yield from self._read(names)
        except (apsw.Error, ValueError) as error:
            raise ValueError(self.contents.damage or one_line(error)) from None
        if self._pages is not None:
            raise ValueError(self.contents.damage)

    def _read(self, names: dict[int, str]) -> Iterator[tuple[str, int, bytes]]:
        order = "timestamp, id" if self.contents.damage is None else "id"
        # Data is fetched row by row: sorting must not move it.
        rows = f"SELECT id, topic_id, timestamp FROM messages ORDER BY {order}"
        with closing(self._connect()) as database:
            for row, number, time_ns in database.execute(rows):
                _check_row(number, time_ns)
                if number in names:
                    query = "SELECT data FROM messages WHERE id = ?"
                    found = database.execute(query, (row,)).fetchone()
                    if found is None or not isinstance(found[0], bytes):
                        raise ValueError("a message without data")
                    yield names[number], time_ns, found[0]

    def _connect(self) -> apsw.Connection:
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        database = apsw.Connection(self._uri, flags, vfs=self._system and self._system.name)
        # Nothing is written, but without this SQLite refuses a file with less pages than its
        # header says, whatever could be read of it.
        database.execute("PRAGMA writable_schema = ON")
        database.execute("PRAGMA cell_size_check = ON")
        return database


def _has_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.is_file() and log.stat().st_size > 0


def _count_pages(path: Path) -> float | None:
    """Return how many pages a file has where its header says that it had more; else None.

    The header's fields are in https://www.sqlite.org/fileformat.html, section 1.3: size of a page
    at byte 16 (1 stands for 65536), change counter at 24, number of pages at 28, and at 92 the
    change counter for which that number holds.
    """
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100:
        return None
    size = _page_size(header[16:18])
    changes, declared = struct.unpack_from(">II", header, 24)
    (valid_for,) = struct.unpack_from(">I", header, 92)
    if not size or changes != valid_for:
        return None
    pages = path.stat().st_size / size
    return pages if pages < declared else None


class _WholePages(apsw.VFS):
    """The file system, but that files end with their last whole page.

    SQLite itself fills up a page within which a file ends with zeros, and takes them for data.
    """

    def __init__(self) -> None:
        # SQLite finds it by its name, for as long as the object lives.
        self.name = f"whole_pages_{id(self)}"
        super().__init__(self.name, "")

    def xOpen(self, name, flags):
        """Open a file."""
        return _WholePagesFile("", name, flags)


class _WholePagesFile(apsw.VFSFile):
    def xFileSize(self) -> int:
        size = super().xFileSize()
        return size - size % _page_size(self.xRead(2, 16))


def _page_size(field: bytes) -> int:
    (size,) = struct.unpack(">H", field)
    return 65536 if size == 1 else size


def _check_row(topic: object, time_ns: object) -> None:
    """Raise ValueError for a row of other types than rosbag2 writes: it is from a damaged page."""
    if not isinstance(topic, int) or not isinstance(time_ns, int):
        raise ValueError("a row without topic or time")


def _read_topics(database: apsw.Connection) -> dict[int, dict]:
    """Return the fields of Channel, but for the count, by the topic's number."""
    # A view may give rows without end.
    kinds = {row[1]: row[2] for row in database.execute("PRAGMA table_list")}
    if not kinds.get("topics") == kinds.get("messages") == "table":
        raise ValueError("it has no tables topics and messages")
    columns = {row[1] for row in database.execute("PRAGMA table_info(topics)")}
    profiles = "offered_qos_profiles" if "offered_qos_profiles" in columns else "''"
    has_definitions = database.execute("PRAGMA table_info(message_definitions)").fetchall()
    definitions = {}
    if has_definitions:
        rows = database.execute(
            "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions"
        )
        definitions = {kind: (language, text) for kind, language, text in rows}
    topics = {}
    for number, name, kind, serialisation, qos in database.execute(
        f"SELECT id, name, type, serialization_format, {profiles} FROM topics ORDER BY id"
    ):
        language, text = definitions.get(kind, ("", ""))
        topics[number] = {
            "topic": name,
            "type": kind,
            "serialisation": serialisation or CDR,
            "language": language,
            "definition": text,
            "latched": is_latched(qos),
        }
    return topics


def _scan(database: apsw.Connection) -> tuple[Tally, str | None]:
    """Return the tally of the messages, and the damage, if any."""
    tally = Tally({})
    try:
        for number, time_ns in database.execute(
            "SELECT topic_id, timestamp FROM messages ORDER BY id"
        ):
            _check_row(number, time_ns)
            tally.add(number, time_ns)
        # Reading by time goes through an index, which may be damaged by itself.
        indexed = database.execute("SELECT timestamp FROM messages ORDER BY timestamp")
        if sum(1 for _ in indexed) != sum(tally.counts.values()):
            return tally, "its index lacks messages"
    except (apsw.Error, ValueError) as error:
        return tally, one_line(error)
    return tally, None
