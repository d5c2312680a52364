"""STOCK: what lies where, and what to do next with it.

`engine` is the door. `ledger` is the only writer of quantities; `state` names what is remembered, `floor` where things
are, `warehouse` binds them for the rooms of the trade: `orders` (admission), `allocation`, `faces` (what must come down
from reserve), `picking`, `replenishing`, `packing`, `units` (what may happen to a handling unit), `loading`,
`departures`, `receiving`, `putaway`.
"""
