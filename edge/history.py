"""Reads what journals say, from outside the processes that write them: for reports, questions and progress."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from edge.codec import BadMessage, recall
from edge.journal import JournalError, Row, read_figures, read_meta, read_rows
from edge.messages import Message

SUMMED = ("uplink_sent", "uplink_received", "uplink_duplicates", "uplink_resent")


class History:
    """Follows a set of journals; each `new()` gives what was added since, events before what followed from them."""

    def __init__(self, journals: Sequence[Path]) -> None:
        self.journals = tuple(journals)
        self._after = dict.fromkeys(self.journals, 0)

    def new(self) -> Iterator[tuple[int, Message]]:
        """(at_ms, message) of every journal in turn; a message a newer version wrote is passed over."""
        for path in self.journals:
            if not path.exists():
                continue
            for row in read_rows(path, self._after[path]):
                self._after[path] = row.n
                for message in _known(row):
                    yield row.at_ms, message

    def figures(self) -> dict[str, Any]:
        """What the processes measured: of the box where there is one, message counts summed over all and all starts."""
        figures: dict[str, Any] = {}
        counts = dict.fromkeys(SUMMED, 0)
        for path in self.journals:
            starts = read_figures(path)
            for start in starts:
                for name in SUMMED:
                    counts[name] += int(start.get("counts", {}).get(name, 0))
            if starts and "dispatch_us" in starts[-1].get("times", {}):
                figures = _of_box(starts)
        figures["messages"] = {name.removeprefix("uplink_"): count for name, count in counts.items()}
        return figures


def _known(row: Row) -> Iterator[Message]:
    """The event and what followed from it, as far as this version knows the words."""
    with contextlib.suppress(BadMessage):
        yield row.message()
    for kind, body in json.loads(row.outputs_json):
        with contextlib.suppress(BadMessage):
            yield recall(kind, json.dumps(body))


def _of_box(starts: list[dict[str, Any]]) -> dict[str, Any]:
    last = starts[-1]
    times = last["times"]["dispatch_us"]
    levels = [start.get("levels", {}) for start in starts]
    return {
        "core": last.get("core", "python"),
        "dispatch_us": {"p50": times["p50"], "p99": times["p99"]},
        "ready_s": max((level["ready_ms"] for level in levels if "ready_ms" in level), default=0) / 1000,
        "rss_mb": max(level.get("rss_kb", 0) for level in levels) // 1024,
    }


def find_journals(places: Sequence[Path]) -> tuple[Path, ...]:
    """Journals named directly, or found in directories (the office's before the box's). Raises JournalError."""
    found: list[Path] = []
    for place in places:
        if place.is_file():
            read_meta(place)  # says so when the file is no journal
            found.append(place)
        else:
            found += sorted(place.glob("**/journal.db"), key=lambda path: (path.parent.name != "office", str(path)))
    if not found:
        raise JournalError(
            f"no journal.db in {', '.join(map(str, places))}; give the data directory of a box or a demo"
        )
    return tuple(found)
