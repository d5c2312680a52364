"""The counterparty: a simulated floor with belts, lanes, robots, people and the PLC programs that run them."""
