"""`edge why`: where an order, a task or a handling unit is and why, in plain words from what the journals hold."""
