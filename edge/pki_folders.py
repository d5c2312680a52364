"""What `edge pki` does with the folders of certificates; each says in one line what was done and what comes next."""

import datetime
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.plc.pki import (
    FOLDERS,
    WARN_DAYS,
    Held,
    Pki,
    application_uris,
    common_name,
    host_names,
    make_folder,
    make_own,
    read_certificate,
    write_certificate,
)
from edge.settings import ConfigError

PREFIX_MIN = 6
"""So many digits of a thumbprint tell certificates apart for a person."""


def make(folder: Path, name: str, uri: str, hosts: Sequence[str]) -> str:
    """A first key and certificate. Raises ConfigError where there is one."""
    if (folder / "own").is_dir() and any((folder / "own").iterdir()):
        raise ConfigError([f"{folder / 'own'} is not empty; edge pki renew {folder} makes a new certificate"])
    hosts = hosts or (socket.gethostname(),)
    held = make_own(folder, name, uri or f"urn:{hosts[0]}:{name}", hosts)
    return f"{held.path}: {' '.join(application_uris(held.certificate))}; give this file to the server's people"


def make_anew(folder: Path) -> str:
    """A new key and certificate for the names of the old. Raises ConfigError where there is none."""
    store = Pki(folder)
    old_key, old_path = store.own_key, store.own_certificate
    old = read_certificate(old_path)
    kept = make_folder(folder / "own" / f"until-{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%S}")
    for path in (old_key, old_path):
        shutil.copy2(path, kept / path.name)
    held = make_own(folder, common_name(old), next(iter(application_uris(old)), "urn:wes-edge"), host_names(old))
    for path in {old_key, old_path} - {folder / "own" / "key.pem", held.path}:
        path.unlink()
    return f"{held.path}: give it to the server's people; the next connection shows it; the old one is in {kept}"


def listed(folder: Path) -> list[dict[str, Any]]:
    """Every certificate, and whether it has ended or soon will."""
    now = datetime.datetime.now(datetime.UTC)
    return [_row(name, held, now) for name in FOLDERS for held in Pki(folder).all(name)]


def _row(folder: str, held: Held, now: datetime.datetime) -> dict[str, Any]:
    until = held.certificate.not_valid_after_utc
    left = until - now
    state = "ended" if left.days < 0 else f"ends in {left.days} days" if left.days < WARN_DAYS else ""
    return {
        "folder": folder,
        "file": str(held.path),
        "thumbprint": held.thumbprint,
        "name": common_name(held.certificate),
        "uri": " ".join(application_uris(held.certificate)),
        "hosts": host_names(held.certificate),
        "until": f"{until:%Y-%m-%d}",
        "state": state,
    }


def accept(wanted: Path, folder: Path | None, into: str) -> str:
    """Puts a certificate among the trusted, or the issuers. Raises ConfigError."""
    held = _find(wanted, folder, "rejected")
    root = folder or _root_of(held.path)
    path = write_certificate(make_folder(root / into), held.certificate)
    for other in Pki(root).all("rejected"):
        if other.certificate == held.certificate:
            other.path.unlink()
    return f"{path}: {common_name(held.certificate)} is now in {into}; a running link takes it up by itself"


def refuse(wanted: Path, folder: Path | None) -> str:
    """Takes a certificate out of the trusted and the issuers. Raises ConfigError."""
    held = _find(wanted, folder, "trusted", "issuers")
    root = folder or _root_of(held.path)
    path = write_certificate(make_folder(root / "rejected"), held.certificate)
    held.path.unlink()
    return f"{path}: {common_name(held.certificate)} is no longer trusted"


def _find(wanted: Path, folder: Path | None, *among: str) -> Held:
    if wanted.is_file():
        return Held(wanted, read_certificate(wanted))
    if folder is None:
        raise ConfigError([f"{wanted}: no such file; with --pki PKI the beginning of a thumbprint will do"])
    begin = str(wanted).lower()
    found = [held for name in among for held in Pki(folder).all(name) if held.thumbprint.startswith(begin)]
    if len(begin) < PREFIX_MIN or len(found) != 1:
        places = " and ".join(among)
        raise ConfigError([f"{begin}: {len(found)} certificates in {places} begin so; see edge pki show {folder}"])
    return found[0]


def _root_of(path: Path) -> Path:
    """The PKI folder above a certificate."""
    for above in path.resolve().parents:
        if above.name in FOLDERS:
            return above.parent
    raise ConfigError([f"{path}: lies in no PKI folder; say which with --pki PKI"])
