"""Prometheus text from the figures line and the picture; a scrape never enters the runtime."""

from collections.abc import Iterable, Mapping
from typing import Any

from edge.page.picture import State

Sample = tuple[dict[str, str], int | float]

TIMES = {
    "decide_us": ("edge_decide_seconds", "Deciding one event"),
    "dispatch_us": ("edge_dispatch_seconds", "One round of dispatch"),
    "commit_us": ("edge_commit_seconds", "One commit to disk"),
    "loop_lag_us": ("edge_loop_lag_seconds", "How late the event loop was"),
}
COUNTERS = {
    "events": ("edge_events_total", "Events taken in"),
    "commits": ("edge_commits_total", "Commits to disk"),
    "uplink_sent": ("edge_uplink_sent_total", "Messages sent to other processes"),
    "uplink_received": ("edge_uplink_received_total", "Messages received from other processes"),
    "uplink_duplicates": ("edge_uplink_duplicates_total", "Received messages that were known already"),
    "uplink_resent": ("edge_uplink_resent_total", "Messages sent again"),
    "page_dropped": ("edge_page_dropped_total", "Lines not sent to a slow page"),
}
REFUSED = "refused_"


def text(figures: Mapping[str, Any], state: State, up: bool, build: Mapping[str, str]) -> str:
    """The whole page of /metrics."""
    lines = [
        *_family("edge_build_info", "gauge", "What runs here", [(dict(build), 1)]),
        *_family("edge_runtime_connected", "gauge", "The page hears the runtime", [({}, int(up))]),
        *_counters(figures.get("counts", {})),
        *_times(figures.get("times", {})),
        *_levels(figures.get("levels", {})),
        *_links(figures.get("links", {})),
        *_picture(state),
    ]
    return "\n".join(lines) + "\n"


def _counters(counts: Mapping[str, int]) -> list[str]:
    lines: list[str] = []
    for key, (name, help_text) in COUNTERS.items():
        lines += _family(name, "counter", help_text, [({}, counts.get(key, 0))])
    refused = [({"reason": k.removeprefix(REFUSED)}, n) for k, n in counts.items() if k.startswith(REFUSED)]
    lines += _family("edge_refused_total", "counter", "Refused at a wall, by reason", refused)
    known = {*COUNTERS, *(k for k in counts if k.startswith(REFUSED))}
    other = [({"name": k}, n) for k, n in counts.items() if k not in known]
    return lines + _family("edge_count_total", "counter", "Everything else that is counted", other)


def _times(times: Mapping[str, Mapping[str, int]]) -> list[str]:
    lines: list[str] = []
    for key, summary in times.items():
        name, help_text = TIMES.get(key, (f"edge_{_word(key.removesuffix('_us'))}_seconds", "A measured time"))
        lines += [f"# HELP {name} {help_text}", f"# TYPE {name} summary"]
        for quantile, field in (("0.5", "p50"), ("0.99", "p99")):
            lines.append(_line(name, {"quantile": quantile}, summary[field] / 1e6))
        lines += [_line(f"{name}_sum", {}, summary["sum"] / 1e6), _line(f"{name}_count", {}, summary["n"])]
        lines += _family(f"{name}_max", "gauge", "The longest of the last ones", [({}, summary["max"] / 1e6)])
    return lines


def _levels(levels: Mapping[str, int]) -> list[str]:
    depth = {"outbox_depth": 0} | dict(levels)
    lines: list[str] = []
    for key, value in depth.items():
        lines += _family(f"edge_{_word(key)}", "gauge", "Where it stands now", [({}, value)])
    return lines


def _links(links: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """By machine and poll class; both come from the configuration, so there are only so many."""
    tags = [({"machine": m, "quality": q}, n) for m, link in links.items() for q, n in link["tags"].items()]
    lost = [({"machine": m}, link["links_lost"]) for m, link in links.items()]
    polls = [({"machine": m, "poll": p}, cycle) for m, link in links.items() for p, cycle in link["classes"].items()]
    took = [({**labels, "quantile": "0.5"}, cycle["took_ms"]["p50"] / 1e3) for labels, cycle in polls]
    return [
        *_family("edge_link_tags", "gauge", "Tags of a link by quality", tags),
        *_family("edge_link_lost_total", "counter", "How often a link was lost", lost),
        *_family("edge_poll_plan_seconds", "gauge", "A cycle of a poll class should take at most this", [
            (labels, cycle["plan_ms"] / 1e3) for labels, cycle in polls
        ]),
        *_family("edge_poll_took_seconds", "gauge", "A cycle of a poll class took this", took),
        *_family("edge_poll_took_seconds_max", "gauge", "The longest of the last cycles", [
            (labels, cycle["took_ms"]["max"] / 1e3) for labels, cycle in polls
        ]),
        *_family("edge_poll_late_total", "counter", "Cycles that took longer than planned", [
            (labels, cycle["late"]) for labels, cycle in polls
        ]),
    ]  # fmt: skip


def _picture(state: State) -> list[str]:
    links = [({"machine": m.machine_id}, int(m.link == "good")) for m in state.machines.values()]
    peers = [({"peer": p.peer}, int(p.online)) for p in state.peers.values()]
    active = [a for a in state.alarms.values() if not a.cleared_ms]
    alarms = [({"priority": str(n)}, sum(a.priority == n for a in active)) for n in (1, 2, 3, 4)]
    orders = [({"status": status}, n) for status, n in state.counts.items()]
    totals = [({"name": name}, n) for name, n in state.totals.items()]
    spent = [
        ({"machine": m.machine_id, "category": category}, ms / 1000)
        for m in state.machines.values()
        for category, ms in m.spent_ms.items()
    ]
    lanes = [({"machine": r.machine_id, "lane": str(r.lane)}, r.count) for r in state.lanes.values()]
    return [
        *_family("edge_link_up", "gauge", "The link to a machine's PLC is good", links),
        *_family("edge_machine_seconds_total", "counter", "Whose time it was, up to the last change", spent),
        *_family("edge_peer_up", "gauge", "The other process is online", peers),
        *_family("edge_alarms_active", "gauge", "Alarms not cleared, by priority", alarms),
        *_family("edge_orders", "gauge", "Orders by status", orders),
        *_family("edge_lane_units", "gauge", "Handling units resting in a lane", lanes),
        *_family("edge_business_total", "counter", "What the floor and the office did", totals),
        *_family("edge_people", "gauge", "People and robots signed on", [({}, len(state.people))]),
    ]


def _family(name: str, kind: str, help_text: str, samples: Iterable[Sample]) -> list[str]:
    lines = [_line(name, labels, value) for labels, value in samples]
    return [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}", *lines] if lines else []


def _line(name: str, labels: Mapping[str, str], value: int | float) -> str:
    inside = ",".join(f'{_word(k)}="{_quoted(v)}"' for k, v in labels.items())
    return f"{name}{{{inside}}} {value}" if inside else f"{name} {value}"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _word(value: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in value)
