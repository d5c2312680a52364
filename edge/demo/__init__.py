"""A whole warehouse on one machine: broker, PLC simulators, office and box as the processes a real site runs."""
