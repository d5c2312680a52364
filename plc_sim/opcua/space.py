"""The tree of nodes of plc-and-standards 9.4: a machine with its identification, states and tags.

The folders Machines (OPC 40001) and DeviceSet (OPC 10000-100) have their own namespaces and numbers, so clients that
know those find the machines; types and names follow them without the weight of the nodesets. Status is read-only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from asyncua import ua
from asyncua.common.node import Node
from asyncua.server.server import Server
from asyncua.ua.object_ids import ObjectIds

from edge.settings import DeviceSettings, Tag
from plc_sim.codes import State
from plc_sim.program import Program, Value

DI, MACHINERY, TYPES = "http://opcfoundation.org/UA/DI/", "http://opcfoundation.org/UA/Machinery/", "urn:wer:types:1"
ENTRIES = ((MACHINERY, "Machines", 1001), (DI, "DeviceSet", 5001))
TYPE_OF = {"conveyor": "ConveyorType", "sorter": "SorterType", "robot": "RobotCellType"}
WORKING = {State.EXECUTE, State.COMPLETING, State.UNHOLDING, State.UNSUSPENDING}
MODES = {1: "Processing", 2: "Maintenance", 3: "Setup"}

VARIANTS = {
    "bool": ua.VariantType.Boolean,
    "uint16": ua.VariantType.UInt16,
    "int16": ua.VariantType.Int16,
    "uint32": ua.VariantType.UInt32,
    "int32": ua.VariantType.Int32,
    "uint64": ua.VariantType.UInt64,
    "int64": ua.VariantType.Int64,
    "float32": ua.VariantType.Float,
    "float64": ua.VariantType.Double,
    "string": ua.VariantType.String,
    "bits": ua.VariantType.UInt16,
}
MASKS = {"uint16": 0xFFFF, "bits": 0xFFFF, "uint32": 0xFFFF_FFFF, "uint64": 0xFFFF_FFFF_FFFF_FFFF}


@dataclass(slots=True)
class TagNode:
    """A tag and its variable."""

    program: Program
    tag: Tag
    nodeid: ua.NodeId
    parent: ua.NodeId
    shown: Value = 0


class Space:
    """Builds the nodes of the machines of one server, and those that are computed from tags."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._entries: list[Node] = []
        self._types: dict[str, Node] = {}
        self._states: list[tuple[Program, Node, Node, Node]] = []
        self.machines: dict[Program, tuple[Node, int]] = {}
        """The object of each machine, and its namespace."""

    async def begin(self) -> None:
        """What stands before the first machine: entry points and types."""
        objects, base = self._server.nodes.objects, self._server.nodes.base_object_type
        for uri, name, number in ENTRIES:
            index = await self._server.register_namespace(uri)
            self._entries.append(
                await objects.add_folder(ua.NodeId(ua.Int32(number), ua.Int16(index)), _name(name, index))
            )
        index = await self._server.register_namespace(TYPES)
        for name in TYPE_OF.values():
            self._types[name] = await base.add_object_type(nodeid(name, index), _name(name, index))

    async def build(self, device: DeviceSettings, tags: Sequence[Tag], program: Program) -> list[TagNode]:
        """One machine."""
        uri, _, path = device.root.removeprefix("nsu=").partition(";s=")
        index = await self._server.register_namespace(uri)
        kind = self._types[TYPE_OF[program.machine.kind]]
        machine = await self._server.nodes.objects.add_object(nodeid(path, index), _name(path, index), kind.nodeid)
        for entry in self._entries:
            await entry.add_reference(machine, ObjectIds.Organizes)
        await machine.set_event_notifier([ua.EventNotifier.SubscribeToEvents])
        await self._server.nodes.server.add_reference(machine, ObjectIds.HasNotifier)
        self.machines[program] = machine, index
        folders = {path: machine, f"{path}.Status": await self._identify(machine, path, index, program)}
        program.changed.clear()
        return [await self._variable(folders, path, index, tag, program) for tag in tags if tag.table == "node"]

    async def _variable(self, folders: dict[str, Node], path: str, index: int, tag: Tag, program: Program) -> TagNode:
        *above, leaf = tag.node.split(".")
        here, parent = path, folders[path]
        for part in above:
            here = f"{here}.{part}"
            if here not in folders:
                folders[here] = await parent.add_folder(nodeid(here, index), _name(part, index))
            parent = folders[here]
        node = TagNode(program, tag, nodeid(f"{path}.{tag.node}", index), parent.nodeid)
        await self.add(node, leaf, index)
        return node

    async def add(self, node: TagNode, leaf: str, index: int) -> None:
        """The variable of a tag, with the value the program has now."""
        node.shown = typed(node.tag, node.program.read(node.tag.name))
        parent = self._server.get_node(node.parent)
        value = ua.Variant(node.shown, VARIANTS[node.tag.type])
        variable = await parent.add_variable(node.nodeid, _name(leaf, index), value)
        if node.tag.writer == "wcs":
            await variable.set_writable()

    async def _identify(self, machine: Node, path: str, index: int, program: Program) -> Node:
        """The building blocks of OPC 40001-1 that every machine has; its Status folder."""
        uri = f"urn:wer:plc_sim:{program.machine_id}"
        about = {
            "Manufacturer": ua.LocalizedText("plc_sim"),
            "Model": ua.LocalizedText(program.machine.kind),
            "SerialNumber": program.machine_id,
            "ProductInstanceUri": uri,
            "SoftwareRevision": "1",
            "Location": program.machine.zone,
        }
        identification = await machine.add_object(
            nodeid(f"{path}.Identification", index), _name("Identification", index)
        )
        for name, value in about.items():
            await identification.add_property(nodeid(f"{path}.Identification.{name}", index), _name(name, index), value)
        shown = []
        for name in ("MachineryItemState", "MachineryOperationMode"):
            block = await machine.add_object(nodeid(f"{path}.{name}", index), _name(name, index))
            state = nodeid(f"{path}.{name}.CurrentState", index)
            shown.append(await block.add_variable(state, _name("CurrentState", index), ua.LocalizedText("")))
        status = await machine.add_folder(nodeid(f"{path}.Status", index), _name("Status", index))
        shown.append(
            await status.add_variable(nodeid(f"{path}.Status.StateName", index), _name("StateName", index), "")
        )
        self._states.append((program, *shown))  # type: ignore[arg-type]
        return status

    async def show_states(self, program: Program) -> None:
        """The states in the words of the standards, after StateCurrent or UnitMode has changed."""
        for each, item, mode, name in self._states:
            if each is program:
                item_state = "Executing" if program.state in WORKING else "NotExecuting"
                item_state = "OutOfService" if program.state is State.ABORTED else item_state
                await item.write_value(ua.LocalizedText(item_state))
                await mode.write_value(ua.LocalizedText(MODES.get(program.word("UnitMode"), "None")))
                await name.write_value(program.state.name.title())


def nodeid(path: str, index: int) -> ua.NodeId:
    return ua.NodeId(ua.String(path), ua.Int16(index))


def _name(name: str, index: int) -> ua.QualifiedName:
    return ua.QualifiedName(name, index)


def typed(tag: Tag, value: Value) -> Value:
    """The value as the node's type wants it."""
    if tag.type == "string":
        return str(value or "")
    if tag.type == "bool":
        return bool(value)
    number = int(value)
    return number & MASKS[tag.type] if tag.type in MASKS else number
