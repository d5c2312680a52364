"""Foreign programs the tests talk to: skipped with a reason where they are missing, required where CI says so."""

import os
import shutil
from pathlib import Path
from typing import Never

import pytest

HERE = Path(__file__).parent
REQUIRED = os.environ.get("EDGE_REQUIRE_PEERS") == "1"
PACKAGES = Path(os.environ.get("EDGE_PEERS", HERE)) / "node_modules"
"""EDGE_PEERS: the folder in which `npm install` ran, if it is not tests/peers."""


def missing(what: str) -> Never:
    if REQUIRED:
        pytest.fail(f"{what} (EDGE_REQUIRE_PEERS is 1)")
    pytest.skip(what)


@pytest.fixture
def mbpoll() -> str:
    """The command line Modbus client of libmodbus."""
    found = shutil.which("mbpoll")
    return found or missing("mbpoll is not installed: apt-get install mbpoll")


@pytest.fixture
def node() -> str:
    """Node.js."""
    found = shutil.which("node")
    return found or missing("node is not installed: apt-get install nodejs npm")


def package(name: str) -> dict[str, str]:
    """The environment in which node finds an npm package of tests/peers/package.json."""
    if not (PACKAGES / name).is_dir():
        missing(f"npm package {name} is not installed: npm install --prefix tests/peers --no-audit --no-fund")
    return {**os.environ, "NODE_PATH": str(PACKAGES)}


@pytest.fixture
def npm_package() -> object:
    """`npm_package(name)`: the environment for node; skips when the package is not there."""
    return package
