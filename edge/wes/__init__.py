"""The WES, warehouse execution: who or what does the work now, task by task and barcode by barcode."""

from edge.wes import dispatch

CORE = "python" if dispatch.__file__.endswith(".py") else "compiled"
"""Whether the inner loops (dispatch, sort) run compiled; the answers are the same."""
