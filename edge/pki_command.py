"""`edge pki`: makes our certificate, shows who is trusted, and moves certificates between trusted and rejected."""

import json
import sys
from pathlib import Path

import click

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path)


@click.group()
def pki() -> None:
    """Certificates of OPC UA links: PKI is the folder a device names as `pki`, with own, trusted, issuers, rejected."""


@pki.command()
@click.argument("folder", metavar="PKI", type=FOLDER)
@click.option("--name", default="wes-edge", show_default=True, help="Common name.")
@click.option("--uri", default="", help="ApplicationUri; default: urn:HOST:NAME.")
@click.option("--host", "hosts", multiple=True, help="DNS name or address; default: this machine's name.")
def init(folder: Path, name: str, uri: str, hosts: tuple[str, ...]) -> None:
    """Make the folders, a key and a self-signed certificate."""
    from edge.pki_folders import make

    click.echo(make(folder, name, uri, hosts))


@pki.command()
@click.argument("folder", metavar="PKI", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print the certificates as JSON.")
def show(folder: Path, as_json: bool) -> None:
    """List every certificate; exit 1 if one of ours or of those trusted has ended or soon will."""
    from edge.pki_folders import listed

    rows = listed(folder)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    for row in () if as_json else rows:
        told = (
            f"{row['folder']:9}",
            row["thumbprint"][:16],
            f"until {row['until']}",
            row["name"],
            row["uri"],
            row["state"],
        )
        click.echo("  ".join(filter(None, told)))
    sys.exit(any(row["state"] and row["folder"] != "rejected" for row in rows))


@pki.command()
@click.argument("certificate", type=FILE)
@click.option("--pki", "folder", type=FOLDER, help="The PKI folder; default: where the certificate lies in rejected.")
@click.option("--issuer", is_flag=True, help="It only completes chains: put it into issuers.")
def trust(certificate: Path, folder: Path | None, issuer: bool) -> None:
    """Trust a CERTIFICATE: a file, or the beginning of a thumbprint in rejected (with --pki)."""
    from edge.pki_folders import accept

    click.echo(accept(certificate, folder, "issuers" if issuer else "trusted"))


@pki.command()
@click.argument("certificate", type=FILE)
@click.option("--pki", "folder", type=FOLDER, help="The PKI folder; default: where the certificate lies.")
def reject(certificate: Path, folder: Path | None) -> None:
    """Trust a CERTIFICATE no longer: into rejected. A link that stands is not ended by it."""
    from edge.pki_folders import refuse

    click.echo(refuse(certificate, folder))


@pki.command()
@click.argument("folder", metavar="PKI", type=FOLDER)
def renew(folder: Path) -> None:
    """Make a new key and certificate with the names of the old one, which is kept beside it."""
    from edge.pki_folders import make_anew

    click.echo(make_anew(folder))
