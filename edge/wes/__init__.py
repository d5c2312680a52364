"""The WES, warehouse execution: who or what does the work now, task by task and barcode by barcode."""

from edge.wes import board

CORE = "python" if board.__file__.endswith(".py") else "compiled"
"""Whether the inner loops (the modules with a .pxd) run compiled; the answers are the same."""
