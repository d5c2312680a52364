"""Order intake: order files and generated days become orders, catalogue, opening stock and departures.

Knows files and the installer's mapping; knows nothing of a running process. Orders leave through the OMS's one door.
"""
