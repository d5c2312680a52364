"""The site of config/ with the vehicles that stand there in comments."""

import shutil
from pathlib import Path

from edge.settings import SiteSettings, read_site

CONFIG = Path(__file__).parents[1] / "config"


def copy_site(folder: Path) -> Path:
    """A site file with vehicles and all it names, in a folder of the test's own."""
    shutil.copytree(CONFIG, folder, dirs_exist_ok=True)
    head, mark, tail = (CONFIG / "site.yaml").read_text().partition("# vehicles:")
    path = folder / "site.yaml"
    path.write_text(head + "\n".join(line.removeprefix("# ") for line in (mark + tail).splitlines()) + "\n")
    return path


def fleet_settings(folder: Path, broker: str = "mqtt://127.0.0.1:1883") -> SiteSettings:
    path = copy_site(folder)
    path.write_text(path.read_text().replace("mqtt://127.0.0.1:1883", broker))
    return read_site(path)
