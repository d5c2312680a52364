"""Alarms after ISA-18.2 and the other processes, folded: an alarm leaves when it is cleared and acknowledged."""

from edge.messages import AlarmAcknowledged, AlarmCleared, AlarmRaised, OfficeOpened, PeerChanged
from edge.page.picture import ALARMS_MAX, PEERS_MAX, AlarmRow, OfficeRow, PeerRow, Picture, cut


def raised(p: Picture, m: AlarmRaised) -> None:
    """Raised again, it needs a new acknowledgement; told twice, it does not."""
    alarms = p.state.alarms
    row = alarms.get(m.alarm_id)
    if row is not None and not row.cleared_ms:
        return
    if row is None and len(alarms) >= ALARMS_MAX:
        p.drop("alarms")
        oldest = next((a for a in alarms.values() if a.cleared_ms), None) or next(iter(alarms.values()))
        del alarms[oldest.alarm_id]
        p.touch("alarms", oldest.alarm_id)
    alarms[m.alarm_id] = AlarmRow(m.alarm_id, m.source, m.priority, cut(m.text), cut(m.action), m.at_ms)
    p.touch("alarms", m.alarm_id)
    p.total("alarms")


def cleared(p: Picture, m: AlarmCleared) -> None:
    row = p.state.alarms.get(m.alarm_id)
    if row is None:
        return
    row.cleared_ms = row.cleared_ms or m.at_ms
    if row.acknowledged_by:
        del p.state.alarms[m.alarm_id]
    p.touch("alarms", m.alarm_id)


def acknowledged(p: Picture, m: AlarmAcknowledged) -> None:
    row = p.state.alarms.get(m.alarm_id)
    if row is None:
        return
    if not row.acknowledged_by:
        row.acknowledged_by, row.acknowledged_ms = cut(m.by) or "?", m.at_ms
    if row.cleared_ms:
        del p.state.alarms[m.alarm_id]
    p.touch("alarms", m.alarm_id)


def peer_changed(p: Picture, m: PeerChanged) -> None:
    if m.peer not in p.state.peers and len(p.state.peers) >= PEERS_MAX:
        p.drop("peers")
        return
    p.state.peers[m.peer] = PeerRow(m.peer, m.online, m.at_ms)
    p.touch("peers", m.peer)


def office_opened(p: Picture, m: OfficeOpened) -> None:
    p.state.office = OfficeRow(list(m.sites), m.process_ms, m.slack_ms)
    p.touch("office")
