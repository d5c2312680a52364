"""Figures stay bounded and their text is what Prometheus reads."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from edge.messages import AlarmRaised, Link, MachineChanged, PackMl, PeerChanged
from edge.page import metrics
from edge.page.figures import NAMES_MAX, RING, Figures
from edge.page.picture import State
from edge.page.twin import Twin
from tests.page.stage import opened


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=RING + 50))
def test_a_summary_speaks_of_the_last_values_and_counts_all(values: list[int]) -> None:
    figures = Figures()
    for value in values:
        figures.time_us("decide_us", value)
    times = figures.snapshot()["times"]["decide_us"]
    last = values[-RING:]
    assert (times["n"], times["sum"], times["max"]) == (len(values), sum(values), max(last))
    assert min(last) <= times["p50"] <= times["p99"] <= times["max"]
    assert sum(v <= times["p50"] for v in last) * 2 >= len(last)


def test_names_are_bounded_and_the_refused_ones_counted() -> None:
    figures = Figures()
    for n in range(NAMES_MAX + 7):
        figures.count(f"n{n}")
        figures.time_us(f"t{n}", 1)
        figures.level(f"l{n}", 1)
    snapshot = figures.snapshot()
    assert len(snapshot["counts"]) <= NAMES_MAX + 1
    assert len(snapshot["times"]) == len(snapshot["levels"]) == NAMES_MAX
    assert snapshot["counts"]["refused_names"] == 21


def test_the_metrics_page_is_good_prometheus_text() -> None:
    figures, twin = Figures(), Twin()
    figures.count("events", 5)
    figures.count("refused_busy", 2)
    figures.count("something", 3)
    figures.level("outbox_depth", 9)
    for value in (1000, 2000, 3000):
        figures.time_us("decide_us", value)
    for message in (
        opened(),
        MachineChanged(at_ms=1, machine_id="sorter1", state=PackMl.EXECUTE, link=Link.GOOD),
        MachineChanged(at_ms=1, machine_id="robot1", state=PackMl.EXECUTE, link=Link.LOST),
        AlarmRaised(at_ms=1, alarm_id="a", source="s", priority=2, text="t", action="a"),
        PeerChanged(at_ms=1, peer='o"ffi\\ce\n', online=True),
    ):
        twin.see(message, 1)
    text = metrics.text(figures.snapshot(), twin.state, True, {"process": "dc1", "version": "1"})
    samples = {
        (s.name, tuple(sorted(s.labels.items()))): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }
    assert samples["edge_events_total", ()] == 5
    assert samples["edge_refused_total", (("reason", "busy"),)] == 2
    assert samples["edge_count_total", (("name", "something"),)] == 3
    assert samples["edge_outbox_depth", ()] == 9
    assert samples["edge_decide_seconds", (("quantile", "0.5"),)] == 0.002
    assert samples["edge_decide_seconds_count", ()] == 3
    assert samples["edge_link_up", (("machine", "sorter1"),)] == 1
    assert samples["edge_link_up", (("machine", "robot1"),)] == 0
    assert samples["edge_alarms_active", (("priority", "2"),)] == 1
    assert samples["edge_peer_up", (("peer", 'o"ffi\\ce\n'),)] == 1
    assert samples["edge_build_info", (("process", "dc1"), ("version", "1"))] == 1
    assert samples["edge_runtime_connected", ()] == 1


def test_a_runtime_that_says_nothing_yet_still_has_metrics() -> None:
    text = metrics.text({}, State(), False, {"process": "x"})
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"edge_events", "edge_outbox_depth", "edge_runtime_connected"} <= names
