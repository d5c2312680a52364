"""Which words of a Modbus device are read together: as few requests as its limits, gaps and bad registers allow."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge.plc.registers import decoder
from edge.plc.values import Value
from edge.settings import DeviceSettings, Tag

GAP_MAX = 16
"""Registers nobody asked for that a read may carry along, where the device does not say otherwise."""
BITS_MAX = 2000
"""Coils or inputs in one request."""
REGISTERS = ("holding", "input")
CLASSES = ("fast", "normal", "slow")

Place = tuple[str, int]
"""Table and address."""
NOWHERE: frozenset[Place] = frozenset()


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring words that one request reads."""

    table: str
    address: int
    count: int
    tags: tuple[Tag, ...]

    def values(self, words: Sequence[int]) -> Iterator[tuple[str, Value]]:
        """The tags of the block, out of its words."""
        return Reader(self).values(words)

    def halves(self) -> "tuple[Block, Block] | None":
        """Two blocks with the same tags, cut at the widest gap or in the middle; None if nothing can be cut."""
        ends, end = [], 0
        for tag in self.tags:
            end = max(end, tag.address + tag.words)
            ends.append(end)
        cuts = [at for at in range(1, len(self.tags)) if self.tags[at].address >= ends[at - 1]]
        if not cuts:
            return None
        middle = len(self.tags) / 2
        cut = max(cuts, key=lambda at: (self.tags[at].address - ends[at - 1], -abs(at - middle)))
        return _block(self.tags[:cut]), _block(self.tags[cut:])


class Reader:
    """A block with its decoding worked out once, for one that is read again and again."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self._plain: list[tuple[str, int]] = []
        self._made = []
        for tag in block.tags:
            at, make = tag.address - block.address, decoder(tag)
            if make is None:
                self._plain.append((tag.name, at))
            else:
                self._made.append((tag.name, at, at + tag.words, make))

    def values(self, words: Sequence[int]) -> Iterator[tuple[str, Value]]:
        """The tags of the block, out of its words."""
        for name, at in self._plain:
            yield name, words[at]
        for name, at, end, make in self._made:
            yield name, make(words[at:end])


class Plan:
    """The polled tags of one device and what is known of the registers it refuses."""

    def __init__(self, device: DeviceSettings, tags: Iterable[Tag]) -> None:
        self._device = device
        self._tags = [tag for tag in tags if tag.readable]
        self._bad: dict[str, Tag] = {}
        self._cuts: set[Place] = set()

    @property
    def bad(self) -> tuple[Tag, ...]:
        """Tags the device refuses, in the order in which that was found."""
        return tuple(self._bad.values())

    def is_bad(self, name: str) -> bool:
        """Whether the device refuses this tag."""
        return name in self._bad

    def blocks(self, poll_class: str) -> list[Block]:
        """The reads of a poll class without the bad tags."""
        return self.reads(tag for tag in self._tags if tag.poll_class == poll_class and tag.name not in self._bad)

    def reads(self, tags: Iterable[Tag]) -> list[Block]:
        """The reads of some tags, bad ones too, around registers known to be refused."""
        return plan_reads(tags, self._device.max_read, self._device.max_gap, self._holes(), self._cuts)

    def refuse(self, tags: Iterable[Tag]) -> None:
        """The device does not have these."""
        self._bad |= {tag.name: tag for tag in tags}

    def accept(self, tags: Iterable[Tag]) -> None:
        """It has these after all."""
        for tag in tags:
            self._bad.pop(tag.name, None)

    def cut(self, right: Block) -> None:
        """What lies before this block and the block itself can only be read one by one."""
        self._cuts.add((right.table, right.address))

    def _holes(self) -> frozenset[Place]:
        """Words no read may carry along: those of bad tags."""
        return frozenset(
            (tag.table, at) for tag in self._bad.values() for at in range(tag.address, tag.address + tag.words)
        )


def plan_reads(
    tags: Iterable[Tag],
    max_read: int,
    gap: int = GAP_MAX,
    holes: frozenset[Place] = NOWHERE,
    cuts: Iterable[Place] = NOWHERE,
) -> list[Block]:
    """As few blocks as `max_read` and `gap` allow; none carries a hole along or goes on over a cut."""
    cuts = frozenset(cuts)
    blocks: list[list[Tag]] = []
    end = 0
    for tag in sorted(tags, key=lambda tag: (tag.table, tag.address, tag.words, tag.name)):
        limit = max_read if tag.table in REGISTERS else BITS_MAX
        first = blocks[-1][0] if blocks else None
        if (
            first is not None
            and first.table == tag.table
            and tag.address - end <= gap
            and max(end, tag.address + tag.words) - first.address <= limit
            and not any((tag.table, at) in holes for at in range(end, tag.address))
            and not any((tag.table, at) in cuts for at in range(end, tag.address + 1))
        ):
            blocks[-1].append(tag)
            end = max(end, tag.address + tag.words)
        else:
            blocks.append([tag])
            end = tag.address + tag.words
    return [_block(block) for block in blocks]


def _block(tags: Sequence[Tag]) -> Block:
    first = tags[0]
    end = max(tag.address + tag.words for tag in tags)
    return Block(first.table, first.address, end - first.address, tuple(tags))
