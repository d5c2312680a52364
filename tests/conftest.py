"""What holds for all tests."""

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# Machines are noisy: no example is late. CI tries the same examples every time; who develops looks for new ones.
settings.register_profile("unhurried", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def loud() -> Iterator[None]:
    """A command run in this process must not leave the logs switched off for whoever comes after it."""
    yield
    left = logging.root.manager.disable
    logging.disable(logging.NOTSET)
    assert left == logging.NOTSET, f"logging was left disabled at level {left}"
