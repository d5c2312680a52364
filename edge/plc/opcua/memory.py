"""What a link must remember to take up its session and subscription again, in one small file per device.

Written before an acknowledgement is sent, so it never says less than the server was told; replaced atomically, never
synced: after a power cut there is nothing to resume, and the numbered rings carry the guarantee anyway.
"""

import contextlib
import hashlib
import json
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from edge.settings import DeviceSettings, Tag

FILE_MAX = 65_536

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """The state of one link on its server."""

    mark: str
    """Of the configuration it belongs to; another one starts afresh."""
    token: str
    """Authenticates the session: as secret as a password while the session lives."""
    nonce: str
    events: int
    """The subscription of the event tags."""
    states: tuple[int, ...]
    """The other subscriptions; they are made anew."""
    acknowledged: int
    """Last notification that is on disk here; 0 if none."""


class Memory:
    """The file of one device, or nothing where no path was given."""

    def __init__(self, path: Path | None, mark: str) -> None:
        self._path = path
        self._mark = mark
        self.heard_s = time.time()
        """Wall time at which the server last published anything."""
        self.kept = self._read()

    @property
    def lasting(self) -> bool:
        """Whether a restarted edge finds it."""
        return self._path is not None

    def holds(self, token: str) -> bool:
        """Whether this is the session to go on with."""
        return self.kept is not None and self.kept.token == token

    def keep(self, token: str, nonce: str, events: int, states: Sequence[int], acknowledged: int) -> None:
        """Remembers, here and in the file."""
        kept = Kept(self._mark, token, nonce, events, tuple(states), acknowledged)
        if kept != self.kept:
            self.kept = kept
            self._write()

    def forget(self) -> None:
        """There is nothing to resume any more."""
        if self.kept is not None:
            self.kept = None
            if self._path is not None:
                self._path.unlink(missing_ok=True)

    def _read(self) -> Kept | None:
        """A file that is missing, damaged or of another configuration is none."""
        if self._path is None:
            return None
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            with self._path.open("rb") as file:
                found = json.loads(file.read(FILE_MAX))
                written_s = os.fstat(file.fileno()).st_mtime
            kept = Kept(**{**found, "states": tuple(map(int, found["states"]))})
            if kept.mark == self._mark:
                self.heard_s = min(written_s, self.heard_s)
                return kept
        return None

    def _write(self) -> None:
        if self._path is None or self.kept is None:
            return
        new = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open(new, "w", encoding="utf-8", opener=_secret) as file:
                json.dump(asdict(self.kept), file)
            new.replace(self._path)
        except OSError as error:  # the journal will end the process if the disk is full; this file is not worth it
            logger.warning("link state not kept", extra={"path": str(self._path), "reason": str(error)})
            self._path = None


def _secret(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def mark_of(device: DeviceSettings, tags: Sequence[Tag]) -> str:
    """Tells one configuration of a link from another."""
    told = [device.url, device.root, device.security, device.user, str(device.poll)]
    told += [f"{tag.name}={tag.node}:{tag.type}:{tag.poll_class}" for tag in tags]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
