"""The table of machines: what each needs from its tags."""

import pytest

from edge.equipment import MACHINES
from edge.plc.image import ProcessImage
from edge.settings import ConfigError, MachineSettings


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("sorter", "Dec3.SeqTail"),
        ("sorter", "Req0.Barcode"),
        ("conveyor", "RepSeqSeen"),
        ("robot", "JobIdEcho"),
        ("robot", "CmdSeq"),
        ("robot", "WcsHeartbeat"),
    ],
)
def test_missing_tag_is_the_installers_fault_and_named(world, kind: str, missing: str) -> None:
    plc, _ = getattr(world, kind)()
    image = ProcessImage([tag for tag in plc.image.tags if tag.name != missing])
    machine = MachineSettings(machine_id="m1", kind=kind, device="plc_m1")
    with pytest.raises(ConfigError, match=f"plc_m1: the tags of m1 lack {missing}; add"):
        MACHINES[kind](machine, image, None)
