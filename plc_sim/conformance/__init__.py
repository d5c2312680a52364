"""The edge's side of the handshake, played against a PLC that somebody wants to connect: what passes, what does not.

`wire` and `opcua` carry tags, `host` is the edge as a PLC sees it, `header`, `scanning` and `cell` are the checks of
every machine, of scanners, and of robot cells; `kit` runs them. The same checks run against our own simulator.
"""
