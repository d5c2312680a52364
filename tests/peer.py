"""A vehicle on a real broker: the least that VDA 5050 asks of one, in both versions, and some bad habits on request."""

import json
import threading
import time
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.vda5050.samples import header, state, valid

GONE = {"2.1": "CONNECTIONBROKEN", "3.0": "CONNECTION_BROKEN"}
STEP_S = 0.02
SPEAK_S = 0.1


class Peer:
    """Drives as it is told, a node at a time; what it gets is held to the schema. It misses the first `deaf` orders."""

    def __init__(self, port: int, root: str, version: str, serial: str, node_id: str, *, deaf: int = 0) -> None:
        self.version, self.root = version, root
        self.who = {"manufacturer": "acme", "serialNumber": serial}
        self.deaf = deaf
        self.node_id, self.sequence, self.order_id, self.update = node_id, 0, "", 0
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[dict[str, Any]] = []
        self.actions: dict[str, dict[str, Any]] = {}
        self.instants: dict[str, dict[str, Any]] = {}
        self.loads: list[dict[str, Any]] = []
        self.orders: list[dict[str, Any]] = []
        self.passed: list[str] = [node_id]
        self.broken: list[str] = []
        self._lock, self._stopped, self._n = threading.Lock(), threading.Event(), 0
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"peer-{serial}")
        self._client.will_set(f"{root}/connection", self._connection(GONE[version]), qos=1, retain=True)
        self._client.on_message = self._hear
        self._client.on_connect = self._connected
        self._client.connect("127.0.0.1", port, 10)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def stop(self, *, politely: bool = True) -> None:
        self._stopped.set()
        self._thread.join(5)
        if politely:
            self._client.publish(f"{self.root}/connection", self._connection("OFFLINE"), qos=1, retain=True)
            self._client.disconnect()
        else:
            self._client.socket().close()  # type: ignore[union-attr]
        self._client.loop_stop()

    def _connection(self, word: str) -> bytes:
        return json.dumps({**header(self.version), **self.who, "connectionState": word}).encode()

    def _connected(self, client: paho.Client, *_: Any) -> None:
        client.subscribe([(f"{self.root}/{name}", 0) for name in ("order", "instantActions")])
        client.publish(f"{self.root}/connection", self._connection("ONLINE"), qos=1, retain=True)

    def _hear(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        name = message.topic.rpartition("/")[2]
        try:
            body = valid(self.version, name, message.payload)
            with self._lock:
                (self._take if name == "order" else self._instantly)(body)
        except (AssertionError, ValueError) as error:
            self.broken.append(f"{name}: {error}")
        self._speak()

    def _take(self, order: dict[str, Any]) -> None:
        if self.deaf:
            self.deaf -= 1
            return
        content = {key: order[key] for key in ("orderId", "orderUpdateId", "nodes", "edges")}
        for known in self.orders:
            if (known["orderId"], known["orderUpdateId"]) == (order["orderId"], order["orderUpdateId"]):
                assert known == content, "SAME_ORDER_UPDATE_ID with other content"
                return
        first = order["nodes"][0]
        if order["orderId"] != self.order_id:
            assert not self._busy(), "OTHER_ORDER_ACTIVE"
            assert (order["orderUpdateId"], first["nodeId"], first["sequenceId"]) == (0, self.node_id, 0)
            self.nodes, self.edges, self.actions, self.sequence = [], [], {}, 0
        else:
            assert order["orderUpdateId"] == self.update + 1, "an update was left out"
            base = [node for node in self.nodes if node["released"]]
            assert base[-1] == first, "the base was changed"
            self.nodes, self.edges = base[:-1], [edge for edge in self.edges if edge["released"]]
        self.orders.append(content)
        self.order_id, self.update = order["orderId"], order["orderUpdateId"]
        self.nodes += order["nodes"]
        self.edges += order["edges"]
        for node in order["nodes"]:
            for action in node["actions"]:
                self.actions.setdefault(action["actionId"], {**action, "actionStatus": "WAITING"})

    def _instantly(self, message: dict[str, Any]) -> None:
        for action in message["actions"]:
            known = self.instants.setdefault(action["actionId"], {**action, "actionStatus": "FINISHED"})
            if known["actionType"] == "cancelOrder" and self.nodes:
                self.nodes, self.edges = self.nodes[:1], []

    def _busy(self) -> bool:
        return len(self.nodes) > 1 or any(each["actionStatus"] != "FINISHED" for each in self.actions.values())

    def _live(self) -> None:
        spoke_s = 0.0
        while not self._stopped.wait(STEP_S):
            with self._lock:
                moved = self._step()
            if moved or time.monotonic() - spoke_s > SPEAK_S:
                spoke_s = time.monotonic()
                self._speak()

    def _step(self) -> bool:
        here = [self.actions[each["actionId"]] for each in self.nodes[0]["actions"]] if self.nodes else []
        waiting = [each for each in here if each["actionStatus"] != "FINISHED"]
        if waiting:
            waiting[0]["actionStatus"] = "FINISHED"
            given = {each["key"]: each["value"] for each in waiting[0]["actionParameters"]}
            self.loads = [{"loadId": given["loadId"]}] if waiting[0]["actionType"] == "pick" else []
        elif len(self.nodes) > 1 and self.nodes[1]["released"]:
            self.nodes.pop(0)
            self.edges.pop(0)
            self.node_id, self.sequence = self.nodes[0]["nodeId"], self.nodes[0]["sequenceId"]
            self.passed.append(self.node_id)
        else:
            return False
        return True

    def _speak(self) -> None:
        def progress(actions: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
            return [{key: each[key] for key in ("actionId", "actionType", "actionStatus")} for each in actions.values()]

        names = ("nodeId", "sequenceId", "released")
        with self._lock:
            self._n += 1
            message = state(
                self.version,
                **self.who,
                headerId=self._n,
                orderId=self.order_id,
                orderUpdateId=self.update,
                lastNodeId=self.node_id,
                lastNodeSequenceId=self.sequence,
                loads=self.loads,
                nodeStates=[{key: node[key] for key in names} for node in self.nodes[1:]],
                edgeStates=[{key: edge[key] for key in ("edgeId", *names[1:])} for edge in self.edges],
                actionStates=progress(self.actions),
            )
            told = "actionStates" if self.version == "2.1" else "instantActionStates"
            message[told] = [*message[told], *progress(self.instants)]
        self._client.publish(f"{self.root}/state", json.dumps(message).encode(), qos=0)
