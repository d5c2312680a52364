"""What people see: the live picture, its own web process, and the socket between that process and the runtime."""
