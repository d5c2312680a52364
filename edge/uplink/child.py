"""Runs a program as a child that ends with its parent: `child.py <parent's pid> <program> <arguments>`; stdlib only."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Becomes the program. Where the kernel has no such signal (not Linux) the parent's own clean-up has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() == parent:
        os.execvp(command[0], command)  # noqa: S606  (the command is our own)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
