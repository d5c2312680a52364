"""The four Modbus tables of a machine over the tags of its PLC program, brought up to date when they are read.

A client may write only what the tag table gives to the WCS, all of a request or nothing of it.
"""

from collections.abc import Iterable, Sequence

from edge.settings import Tag
from plc_sim.program import Program, Value
from plc_sim.words import decode, encode

ROUND_TO = 100
"""A table exists up to the next hundred after its last tag; gaps read as 0."""
BITS = ("coil", "discrete")
TABLES = ("holding", "input", *BITS)


class Table:
    """One table: registers, or bits of 0 and 1."""

    def __init__(self, name: str, tags: Iterable[Tag], program: Program) -> None:
        self._bits = name in BITS
        self._program = program
        self._tags = {tag.name: tag for tag in sorted(tags, key=lambda tag: (tag.address, tag.name))}
        end = max((tag.address + self._size(tag) for tag in self._tags.values()), default=0)
        self._cells = [0] * (-(-end // ROUND_TO) * ROUND_TO)
        self._live = [tag for tag in self._tags.values() if tag.name in program.live]
        self._owner: dict[int, list[Tag]] = {}
        for tag in self._tags.values():
            for at in self._span(tag):
                self._owner.setdefault(at, []).append(tag)
        self._gone: frozenset[int] = frozenset()
        for tag in self._tags.values():
            self.store(tag.name)

    def drop(self, names: Iterable[str]) -> None:
        """These tags are not there (none = all are there again)."""
        self._gone = frozenset(at for name in names if name in self._tags for at in self._span(self._tags[name]))

    def exists(self, address: int, count: int) -> bool:
        """Whether all of these cells are there."""
        return address + count <= len(self._cells) and self._gone.isdisjoint(range(address, address + count))

    def read(self, address: int, count: int) -> list[int]:
        """The cells as they are now."""
        for tag in self._live:
            if tag.address < address + count and address < tag.address + self._size(tag):
                self.store(tag.name)
        return self._cells[address : address + count]

    def write(self, address: int, cells: Sequence[int]) -> bool:
        """Write all or (False) nothing; the tags take their values in order of address, sequence numbers last."""
        owners = [self._owner.get(each, []) for each in range(address, address + len(cells))]
        foreign = any(not tags or any(tag.writer != "wcs" for tag in tags) for tags in owners)
        if foreign or not self.exists(address, len(cells)):
            return False
        self._cells[address : address + len(cells)] = cells
        for tag in dict.fromkeys(tag for tags in owners for tag in tags):
            if not self._program.write(tag.name, self._value(tag)):
                self.store(tag.name)
        return True

    def store(self, name: str) -> None:
        """Take over the value of a tag, if it is of this table."""
        tag = self._tags.get(name)
        if tag is not None:
            value = self._program.read(name)
            self._cells[tag.address : tag.address + self._size(tag)] = self._cells_of(tag, value)

    def _value(self, tag: Tag) -> Value:
        mine = self._cells[tag.address : tag.address + self._size(tag)]
        if tag.bit is not None:
            return bool(mine[0] >> tag.bit & 1)
        return bool(mine[0]) if self._bits else decode(tag, mine)

    def _cells_of(self, tag: Tag, value: Value) -> list[int]:
        if tag.bit is not None:
            others = self._cells[tag.address] & ~(1 << tag.bit)
            return [others | bool(value) << tag.bit]
        return [int(bool(value))] if self._bits else encode(tag, value)

    def _size(self, tag: Tag) -> int:
        return 1 if self._bits else tag.words

    def _span(self, tag: Tag) -> range:
        return range(tag.address, tag.address + self._size(tag))


class Registers:
    """All tables of one machine."""

    def __init__(self, tags: Iterable[Tag], program: Program) -> None:
        self.program = program
        self.refused = 0
        """Writes to what is not the client's."""
        rows = list(tags)
        program.changed.clear()
        self._tables = {name: Table(name, [tag for tag in rows if tag.table == name], program) for name in TABLES}

    def read(self, table: str, address: int, count: int) -> list[int] | None:
        """`count` cells, or None when they do not exist."""
        self._refresh()
        cells = self._tables[table]
        return cells.read(address, count) if cells.exists(address, count) else None

    def write(self, table: str, address: int, cells: Sequence[int]) -> bool:
        """See Table.write; what is refused is counted."""
        self._refresh()
        written = self._tables[table].write(address, cells)
        if not written:
            self.refused += 1
            self.program.refused_writes += 1
        return written

    def drop(self, names: Sequence[str]) -> None:
        """See Table.drop."""
        for table in self._tables.values():
            table.drop(names)

    def _refresh(self) -> None:
        changed = self.program.changed
        while changed:
            name = next(iter(changed))
            del changed[name]
            for table in self._tables.values():
                table.store(name)
