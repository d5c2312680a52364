"""The encoder: what is due at a position happens there, however often the belt stops in between."""

from hypothesis import given
from hypothesis import strategies as st

from plc_sim.agenda import Agenda
from plc_sim.belt import Belt


@given(
    speed=st.integers(1, 3000),
    targets=st.lists(st.integers(0, 20_000_000), min_size=1, max_size=8),
    switches=st.lists(st.integers(1, 5000), max_size=12),
)
def test_things_happen_when_the_running_time_is_reached_and_in_order(
    speed: int, targets: list[int], switches: list[int]
) -> None:
    agenda = Agenda(0)
    belt = Belt(agenda, speed)
    ran_ms = 0
    happened: list[tuple[int, int]] = []
    for target in targets:
        belt.at(target, lambda target=target: happened.append((target, belt.position_um)))  # type: ignore[misc]
    running = False
    for wait in switches:
        running = not running
        belt.run(on=running)
        agenda.run(agenda.now_ms + wait)
        ran_ms += wait if running else 0
        assert belt.position_um == ran_ms * speed
        assert sorted(target for target in targets if target <= ran_ms * speed and (ran_ms or running)) == [
            target for target, _ in happened
        ]
    assert all(target <= position < target + speed for target, position in happened if target > 0)


def test_an_entry_of_the_agenda_can_be_struck_out_and_order_of_entry_breaks_ties() -> None:
    agenda = Agenda(10)
    said: list[str] = []
    agenda.at(20, lambda: said.append("a"))
    struck = agenda.at(20, lambda: said.append("b"))
    agenda.at(20, lambda: said.append("c"))
    agenda.at(5, lambda: said.append("past is now"))
    struck.cancel()
    assert agenda.next_at_ms == 10
    agenda.run(30)
    assert said == ["past is now", "a", "c"]
    assert agenda.next_at_ms is None
    assert agenda.now_ms == 30
