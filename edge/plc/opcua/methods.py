"""Commands as method calls: what the equipment writes into the mailbox is carried as one call of the MethodSet.

Equipment does not know which it is. A method that has an argument for the command's number is called with it: then the
machine acknowledges in the same tags as with the mailbox, and may be asked twice. One without is called once for each
number, its answer stands in the image for the tags, and a call that was not answered is never repeated.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from edge.plc.image import LinkLost, ProcessImage, Value, WriteRejected, WriteUnknown
from edge.plc.opcua.session import Session
from edge.plc.opcua.variants import batches

Values = Mapping[str, Value]
ANSWERS = ("CmdAckSeq", "CmdResult", "CmdReason")
ACCEPTED, REJECTED = 1, 3
NOTHING = 0
"""CmdCode, or JobNo, of a number with nothing to do: there is no method for that, the number stands in its tags."""
COMMANDS: dict[int, tuple[str, dict[str, Callable[[Values], Value]]]] = {
    1: ("Reset", {}),
    2: ("Start", {}),
    3: ("Stop", {}),
    4: ("Hold", {}),
    5: ("Unhold", {}),
    6: ("Suspend", {}),
    7: ("Unsuspend", {}),
    8: ("Abort", {}),
    9: ("Clear", {}),
    10: ("Complete", {}),
    100: ("SetLane", {"Lane": lambda v: v["CmdArg1"], "Enabled": lambda v: True}),
    101: ("SetLane", {"Lane": lambda v: v["CmdArg1"], "Enabled": lambda v: False}),
    102: ("ClearJam", {"Eye": lambda v: v["CmdArg1"]}),
    103: ("SetSpeed", {"Speed": lambda v: v["CmdArg1"]}),
    104: ("PurgeLane", {"Lane": lambda v: v["CmdArg1"]}),
    110: ("Accumulate", {"Zone": lambda v: v["CmdArg1"], "On": lambda v: v["CmdArg2"]}),
    111: ("Release", {"Zone": lambda v: v["CmdArg1"]}),
}
"""Code in the mailbox -> method, and where its arguments come from (plc-and-standards 9.4)."""
JOB = ("JobAisle", "JobBay", "JobLevel", "JobQuantity")
OTHERS = ("Decide", "AckReport", "StartJob")
INTEGERS = range(2, 10)
"""Data types SByte to UInt64."""


class Methods:
    """The MethodSet of one machine."""

    def __init__(self, session: Session, image: ProcessImage) -> None:
        self._session = session
        self._image = image
        self._set = ua.NodeId()
        self._method: dict[str, tuple[ua.NodeId, list[ua.Argument]]] = {}
        self._unanswered = 0

    @property
    def apart(self) -> tuple[str, ...]:
        """Tags that the calls answer, because the machine does not."""
        numbered = any(argument.Name == "CmdSeq" for _, found in self._method.values() for argument in found)
        return () if numbered else tuple(name for name in ANSWERS if name in self._image)

    async def find(self) -> None:
        """Looks for the methods and their arguments. Raises LinkLost."""
        names = sorted({name for name, _ in COMMANDS.values()} | set(OTHERS))
        (found,) = await self._translate([["MethodSet"]])
        if found is None:
            raise LinkLost(f"{self._session.root.Identifier!s} has no MethodSet: set command_style: mailbox")
        self._set = found
        methods = await self._translate([["MethodSet", name] for name in names])
        inputs = await self._translate([["MethodSet", name, "InputArguments"] for name in names])
        for name, method, node in zip(names, methods, inputs, strict=True):
            if method is not None:
                self._method[name] = method, await self._arguments(node)
        for name in self.apart:
            self._image.update({name: 0})

    async def _translate(self, paths: Sequence[Sequence[str]]) -> list[ua.NodeId | None]:
        index = self._session.root.NamespaceIndex
        asked = [ua.BrowsePath(self._session.root, _relative(path, index)) for path in paths]
        found: list[ua.NodeId | None] = []
        for batch in batches(asked):
            answers = await self._session.ask(
                self._session.services.translate_browsepaths_to_nodeids(batch), len(batch)
            )
            found += [a.Targets[0].TargetId if a.StatusCode.is_good() and a.Targets else None for a in answers]
        return found

    async def _arguments(self, node: ua.NodeId | None) -> list[ua.Argument]:
        if node is None:
            return []
        reading = self._session.services.read_attributes([node], AttributeIds.Value)
        (answer,) = await self._session.ask(reading, 1)
        raw = answer.Value.Value if answer.Value is not None else None
        return [argument for argument in raw or () if isinstance(argument, ua.uaprotocol_auto.Argument)]

    # what the equipment writes

    async def write(self, values: tuple[tuple[str, Value], ...]) -> None:
        """Carries a write as a call if there is one for it, else as a write. Raises WriteRejected, WriteUnknown."""
        written, last = dict(values), values[-1][0]
        slot, _, leaf = last.partition(".")
        if last == "CmdSeq" and not written[last] and self.apart:
            self._withdraw()
        elif last == "CmdSeq" and written["CmdCode"] == NOTHING and not self.apart:
            await self._session.write(values)
        elif last == "CmdSeq" and written[last]:
            await self._command(written)
        elif last == "RepSeqSeen" and "AckReport" in self._method:
            await self._must("AckReport", {"Seq": written[last]})
        elif slot.startswith("Dec") and leaf == "SeqTail" and "Decide" in self._method:
            await self._must("Decide", decision(slot, written))
        elif last == "JobSeq" and "JobId" in written and "StartJob" in self._method:
            await self._start(written)
        else:
            await self._session.write(values)

    def _withdraw(self) -> None:
        """A number is taken back; a call without one cannot be. Raises WriteRejected."""
        if self._unanswered:
            raise WriteRejected("it was called without an answer, and its method has no number to take back")

    async def _command(self, written: Values) -> None:
        number, code = int(written["CmdSeq"]), int(written["CmdCode"])
        name, sources = COMMANDS.get(code, ("", {}))
        if name not in self._method:
            raise WriteRejected(f"no method for command {code}")
        if number == self._unanswered and await self._taken(number):
            return
        arguments = {argument: source(written) for argument, source in sources.items()}
        self._unanswered = number
        accepted, reason = await self._call(name, {**arguments, "CmdSeq": number})
        self._unanswered = 0
        self._image.update({"CmdAckSeq": number, "CmdResult": ACCEPTED if accepted else REJECTED, "CmdReason": reason})

    async def _taken(self, number: int) -> bool:
        """Whether a call nobody answered has arrived. Raises WriteRejected where the machine cannot tell."""
        if self.apart:
            raise WriteRejected(f"command {number} was not answered, and its method has no number: not repeated")
        with contextlib.suppress(LinkLost):
            ((_, item),) = await self._session.read(["CmdAckSeq"])
            return item.Value is not None and item.Value.Value == number
        return False

    async def _must(self, name: str, arguments: Values) -> None:
        accepted, reason = await self._call(name, arguments)
        if not accepted:
            raise WriteRejected(f"{name} refused: reason {reason}")

    async def _start(self, written: Values) -> None:
        """A refusal of a numbered job stands in its tags, as with the mailbox; one without cannot be fenced off."""
        numbered = any(argument.Name == "JobSeq" for argument in self._method["StartJob"][1])
        if not numbered and written["JobNo"] == NOTHING:
            raise WriteRejected("StartJob has no number to take back")
        given: dict[str, Value] = {name: written[name] for name in ("JobNo", "JobId", "JobSeq")}
        accepted, reason = await self._call("StartJob", given, [written[name] for name in JOB])
        if not accepted and not numbered:
            raise WriteRejected(f"StartJob refused: reason {reason}")

    async def _call(self, name: str, given: Values, rest: Sequence[Value] = ()) -> tuple[bool, int]:
        """Accepted and reason. Raises WriteRejected (not called) or WriteUnknown."""
        method, wanted = self._method[name]
        request = ua.CallMethodRequest(
            ObjectId=self._set,
            MethodId=method,
            InputArguments=[_argument(name, argument, given, rest) for argument in wanted],
        )
        try:
            (result,) = await self._session.ask(self._session.services.call([request]), 1)
        except LinkLost as error:
            raise WriteUnknown(f"{name}: {error}") from error
        if not result.StatusCode.is_good():
            raise WriteRejected(f"{name}: {result.StatusCode.name}")
        outputs = [each.Value for each in result.OutputArguments or ()]
        if len(outputs) < 2 or not isinstance(outputs[0], bool) or not isinstance(outputs[1], int):
            raise WriteUnknown(f"{name} answered {outputs[:3]} instead of accepted and reason")
        return outputs[0], outputs[1]


def _relative(path: Sequence[str], index: int) -> ua.RelativePath:
    """By browse names; the arguments of a method are named by the standard."""
    below = ua.NodeId(ua.Int32(ObjectIds.HierarchicalReferences))
    names = [ua.QualifiedName(name, ua.UInt16(0 if name == "InputArguments" else index)) for name in path]
    return ua.RelativePath([_element(below, name) for name in names])


def _element(below: ua.NodeId, name: ua.QualifiedName) -> Any:
    element: Any = ua.RelativePathElement(below, TargetName=name)
    element.IsInverse, element.IncludeSubtypes = False, True
    return element


def decision(slot: str, written: Values) -> dict[str, Value]:
    """The arguments of Decide, from a decision slot."""
    names = {"Dest1": "Dest1", "Dest2": "Dest2", "Code": "DecisionCode", "Flags": "Flags", "MaxRecirc": "MaxRecirc"}
    names |= {"Seq": "SeqTail", "TrackingId": "TrackingId", "HostRef": "HostRef"}
    return {argument: written.get(f"{slot}.{tag}", 0) for argument, tag in names.items()}


def _argument(method: str, argument: ua.Argument, given: Values, rest: Sequence[Value]) -> ua.Variant:
    """One argument in the type the method wants. Raises WriteRejected."""
    kind = int(argument.DataType.Identifier) if isinstance(argument.DataType.Identifier, int) else 0
    if argument.Name == "Params" and rest:
        return ua.Variant([_plain(value, kind) for value in rest], ua.VariantType(kind or 7), is_array=True)
    if argument.Name not in given:
        raise WriteRejected(f"{method} wants an argument {argument.Name}, which nobody here knows")
    return ua.Variant(_plain(given[argument.Name], kind), ua.VariantType(kind or 7))


def _plain(value: Value, kind: int) -> Any:
    if kind == ua.VariantType.Boolean.value:
        return bool(value)
    return int(value) if kind in INTEGERS else value
