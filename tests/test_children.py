"""Children are started again when they die, are gone when their parent goes, and are not argued with."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge import children
from edge.children import Child

ROOT = Path(__file__).parents[1]
SLEEPER = "import time; print('one ready', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(10):
        while alive(pid):
            await asyncio.sleep(0.02)


async def pid_of(directory: Path, name: str, not_this: int = 0) -> int:
    """The process id in its file, when there is (another) one."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(OSError, ValueError):
                pid = int((directory / f"{name}.pid").read_text())
                if pid != not_this:
                    return pid
            await asyncio.sleep(0.02)


async def test_a_child_that_dies_is_started_again_and_a_stopped_one_is_gone(tmp_path: Path) -> None:
    child = Child("one", ("-c", SLEEPER), tmp_path)
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(child.keep())
        await child.wait_ready(20)
        first = await pid_of(tmp_path, "one")
        os.kill(first, signal.SIGKILL)
        second = await pid_of(tmp_path, "one", first)
        assert child.starts == 2
        keeping.cancel()
    assert not alive(first)
    assert not alive(second)
    assert "one ready" in child.tail()


async def test_a_child_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "STOP_S", 0.2)
    child = Child("one", ("-c", STUBBORN), tmp_path)
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(child.keep())
        await child.wait_ready(20)
        pid = await pid_of(tmp_path, "one")
        keeping.cancel()
    assert not alive(pid)


@pytest.mark.parametrize("code", [2, 64])
async def test_a_child_that_refuses_its_configuration_is_not_tried_again(tmp_path: Path, code: int) -> None:
    child = Child("one", ("-c", f"import sys; print('name is missing', file=sys.stderr); sys.exit({code})"), tmp_path)
    with pytest.raises(RuntimeError, match="one refused to start: name is missing"):
        await child.keep()
    assert child.starts == 1


async def test_a_child_that_always_ends_is_given_up_some_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "RESTARTS_MAX", 3)
    monkeypatch.setattr(children, "RESTART_S", 0.0)
    child = Child("one", ("-S", "-c", "import sys; sys.exit(1)"), tmp_path)
    with pytest.raises(RuntimeError, match="one was started 3 times"):
        await child.keep()


async def test_who_is_not_ready_in_time_is_named_with_its_last_words(tmp_path: Path) -> None:
    child = Child("one", ("-c", "import time; print('still reading', flush=True); time.sleep(600)"), tmp_path)
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(child.keep())
        async with asyncio.timeout(10):
            while "still" not in child.tail():
                await asyncio.sleep(0.02)
        with pytest.raises(TimeoutError, match="one was not ready after 0 s: still reading"):
            await child.wait_ready(0.05)
        keeping.cancel()


GRANDPARENT = """
import subprocess, sys, time
held = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(held.pid, "ready", flush=True)
time.sleep(600)
"""


async def test_a_grandchild_that_holds_the_output_does_not_delay_the_restart(
    tmp_path: Path,
) -> None:
    child = Child("one", ("-c", GRANDPARENT), tmp_path)
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(child.keep())
        await child.wait_ready(20)
        first = await pid_of(tmp_path, "one")
        os.kill(first, signal.SIGKILL)
        await pid_of(tmp_path, "one", first)
        async with asyncio.timeout(20):
            while len(held := [int(line.split()[0]) for line in child.log.read_text().splitlines()]) < 2:
                await asyncio.sleep(0.02)
        keeping.cancel()
    for pid in held:
        os.kill(pid, signal.SIGKILL)


async def test_only_the_word_itself_means_ready(tmp_path: Path) -> None:
    words = ["address already in use", '{"level": "INFO", "what": "ready"}', "x" * 100_000, "one ready in 0.1 s"]
    script = "import sys, time\nfor word in sys.argv[1:]: print(word, flush=True); time.sleep(0.3)\ntime.sleep(600)"
    child = Child("one", ("-c", script, *words), tmp_path)
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(child.keep())
        await child.wait_ready(20)
        assert child.log.read_text().splitlines() == words
        keeping.cancel()
    assert child.starts == 1


PARENT = """
import asyncio, sys
from pathlib import Path
from edge.children import Child

async def main():
    child = Child("one", ("-c", sys.argv[2]), Path(sys.argv[1]))
    async with asyncio.TaskGroup() as group:
        group.create_task(child.keep())
        await child.wait_ready(20)
        print("up", flush=True)

asyncio.run(main())
"""


async def test_a_child_dies_with_its_parent_even_by_kill_9(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), SLEEPER], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        pid = await pid_of(tmp_path, "one")
        assert alive(pid)
        parent.kill()
    await until_gone(pid)
