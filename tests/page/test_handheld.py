"""The person's screen knows every kind of task there is: as a skill to sign on with, and in words of its own."""

import re
from pathlib import Path

import pytest

from edge.messages import TaskKind
from plc_sim.person import WORK_MS
from plc_sim.roster import EVERYTHING

SCREEN = (Path(__file__).parents[2] / "edge" / "page" / "static" / "js" / "handheld.js").read_text()


@pytest.mark.parametrize("kind", list(TaskKind))
def test_the_screen_has_words_for_every_kind_of_task(kind: TaskKind) -> None:
    skills = re.search(r"const SKILLS = \[(.*?)\]", SCREEN)
    assert skills is not None
    assert f'"{kind}"' in skills[1]
    assert re.search(rf'^  {kind}: {{ go: "\w', SCREEN, re.MULTILINE)
    assert kind in EVERYTHING
    assert kind is TaskKind.PICK or kind in WORK_MS
