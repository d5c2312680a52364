"""The uplink: messages to and from the other processes of the enterprise, over MQTT, each exactly once and in order.

`stream` is the theory (numbered, acknowledged, no I/O), `envelope` what stands on the wire, `link` both streams with
one peer, `traffic` moves them between the journal and the wire, `mqtt` is the wire (`mqtt.keep` is the door), `broker`
finds or starts a broker for a demo (`broker.broker`).
"""
