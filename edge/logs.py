"""One set-up for logs: JSON lines on stderr, fields given as `extra`, wire chatter of the libraries turned down."""

import json
import logging
import sys
import time
from pathlib import Path

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
NOISY = ("asyncua", "pymodbus", "amqtt", "transitions", "uvicorn.access", "httpx", "websockets")


class JsonLines(logging.Formatter):
    """One record, one line: when, level, where, a constant word, and its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {"at": f"{at}.{int(record.msecs):03}Z", "level": record.levelname, "from": record.name}
        line |= {"what": record.getMessage()} | fields
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up_logs(level: int = logging.INFO, file: Path | None = None) -> None:
    """Call once, before anything else runs. `file` instead of stderr is for a terminal with a live table on it."""
    handler = logging.StreamHandler(sys.stderr) if file is None else logging.FileHandler(file, delay=True)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
