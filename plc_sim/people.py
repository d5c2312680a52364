"""People with handhelds: take tasks from the box over HTTP, have them done on the floor, report until it has them."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from plc_sim.events import PersonDone
from plc_sim.roster import Worker

WAIT_MS = 5000
"""How long the box may hold a question for work open."""
REQUEST_S = 20.0
PAUSE_S = 0.2
PAUSE_MAX_S = 2.0
DROPPED_S = 1.0
"""Pause before asking again after a task was refused."""


class Hands(Protocol):
    """The person in the simulated world."""

    def give(self, person: str, task: Mapping[str, object]) -> bool:
        """Set out; raises ValueError when it is no task."""

    def answered(self, person: str, task_id: str, reason: str) -> bool:
        """The box's word on a report; True when the person will report again."""

    async def done(self, person: str) -> PersonDone:
        """Wait for the person's next report."""


def http_client(base_url: str, people: int) -> httpx.AsyncClient:
    """One client for so many people; the caller closes it."""
    limits = httpx.Limits(max_connections=people + 4)
    return httpx.AsyncClient(base_url=base_url, limits=limits, timeout=REQUEST_S, trust_env=False)


class HandheldClient:
    """Goes on for ever: connection errors and 5xx are retried with growing pauses, refusals drop the task."""

    def __init__(self, http: httpx.AsyncClient, hands: Hands, worker: Worker, rng: random.Random) -> None:
        self.retries = 0
        self.dropped = 0
        self.finished = 0
        self._http = http
        self._hands = hands
        self._worker = worker
        self._rng = rng
        self._path = f"/api/people/{quote(worker.name, safe='')}"

    async def work(self) -> None:
        """Sign on and do one task after the other until cancelled."""
        await self._sign_on()
        after = ""
        while True:
            task = await self._ask(after)
            if task is None:
                continue
            task_id = str(task.get("task_id", ""))
            if await self._do(task_id, task):
                self.finished += 1
                after = task_id
            else:
                self.dropped += 1
                after = ""
                await asyncio.sleep(DROPPED_S)

    async def _sign_on(self) -> None:
        worker = self._worker
        body = {"skills": list(worker.skills), "zones": list(worker.zones), "location": worker.location}
        while True:
            status, _ = await self._call("POST", "/sign-on", body)
            if status == 200:
                return
            await asyncio.sleep(PAUSE_MAX_S)

    async def _ask(self, after: str) -> dict[str, Any] | None:
        """The person's task, None when there is none yet."""
        status, answer = await self._call("GET", f"/task?after={quote(after, safe='')}&wait_ms={WAIT_MS}")
        task = answer.get("task")
        if status == 200 and isinstance(task, dict):
            return task
        if status != 204:
            await asyncio.sleep(DROPPED_S)
            await self._sign_on()
        return None

    async def _do(self, task_id: str, task: Mapping[str, object]) -> bool:
        """Start, work, report; False when the box or the person would not have it."""
        path = f"/tasks/{quote(task_id, safe='')}"
        status, _ = await self._call("POST", f"{path}/start", {})
        if status != 200:
            return False
        try:
            if not self._hands.give(self._worker.name, task):
                return False
        except ValueError:
            return False
        again = True
        reason = ""
        while again:
            report = await self._hands.done(self._worker.name)
            if report.task_id != task_id:
                continue
            body = {"quantity": report.quantity, "scanned": report.scanned, "reason": report.reason}
            status, answer = await self._call("POST", f"{path}/done", body)
            reason = "" if status == 200 else str(answer.get("reason") or f"HTTP_{status}")
            again = self._hands.answered(self._worker.name, task_id, reason)
        return reason == ""

    async def _call(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Ask until there is an answer below 500: its status and its JSON object ({} without one)."""
        pause_s = PAUSE_S
        while True:
            try:
                async with asyncio.timeout(REQUEST_S):
                    response = await self._http.request(method, self._path + path, json=body)
                if response.status_code < 500:
                    answer = response.json() if response.content else {}
                    return response.status_code, answer if isinstance(answer, dict) else {}
            except (httpx.HTTPError, TimeoutError, ValueError):
                pass
            self.retries += 1
            await asyncio.sleep(pause_s * self._rng.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, PAUSE_MAX_S)
