"""Commands as calls: the equipment writes as ever, the machine is called, and an answer that is lost is looked up."""

import asyncio
import contextlib

import pytest
from asyncua import ua

from edge.equipment import Robot
from edge.messages import CommandEnded, CommandMachine, JobEnded, MachineCommand, StartJob
from edge.plc import opcua, supervision
from edge.plc.image import WriteRejected, WriteUnknown
from edge.plc.opcua import methods
from plc_sim.codes import State
from tests.plc.opcua_stage import opcua_stage
from tests.plc_sim.stage import SITE

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def _brisk(monkeypatch) -> None:
    monkeypatch.setattr(supervision, "BACK_OFF_MAX_S", 0.1)


@contextlib.asynccontextmanager
async def called(south, tmp_path, name: str, **fields):
    """A machine of the simulator and its image, with commands as methods."""
    async with opcua_stage(south.free_port(), [name], tmp_path) as stage:
        device = stage.device(name, command_style="method", **fields)
        async with south.kept(opcua.keep, device, stage.tags(name)) as image:
            await south.until(lambda: image.good)
            yield stage, image


def order(code: int, number: int, *args: int):
    given = (*args, 0, 0, 0)
    return [("CmdCode", code), *((f"CmdArg{n + 1}", given[n]) for n in range(3)), ("CmdSeq", number)]


def answer(image) -> list[int]:
    return [image.number(name) for name in methods.ANSWERS]


async def test_a_command_is_one_call_and_its_answer_stands_in_the_tags(south, tmp_path) -> None:
    async with called(south, tmp_path, "conveyor2") as (stage, image):
        conveyor = stage.world.conveyor("conveyor2")
        await image.write(order(4, 7))  # Hold
        assert answer(image) == [7, 1, 0]
        await south.until(lambda: conveyor.state is State.HELD)
        await image.write(order(2, 8))  # Start, which a held machine refuses
        assert answer(image)[:2] == [8, 3]
        await image.write(order(2, 8))
        assert answer(image)[:2] == [8, 3], "the same number is the same command"
        await image.write(order(0, 0))
        assert conveyor.word("CmdSeq") == 0, "taken back where it can be"
        with pytest.raises(WriteRejected, match="no method for command 77"):
            await image.write(order(77, 9))


async def test_decisions_and_acknowledgements_are_calls_too(south, tmp_path) -> None:
    async with called(south, tmp_path, "conveyor2") as (stage, image):
        barcode = "0" * 17 + "3"
        stage.world.plant.place("conveyor2", barcode)
        await south.until(lambda: image.number("ReqSeqLast") == 1, 60)
        await image.refresh(["Req1.TrackingId"])
        unit = image.number("Req1.TrackingId")
        fields = {"SeqHead": 1, "TrackingId": unit, "Dest1": 0, "Dest2": 0, "DecisionCode": 5}
        fields |= {"Flags": 0, "MaxRecirc": 3, "HostRef": 0, "SeqTail": 1}
        wrong = [(f"Dec1.{name}", value + (name == "TrackingId")) for name, value in fields.items()]
        with pytest.raises(WriteRejected, match="Decide refused"):
            await image.write(wrong)
        await image.write([(f"Dec1.{name}", value) for name, value in fields.items()])
        await south.until(lambda: image.number("RepSeqLast") == 1, 60)
        await image.write([("RepSeqSeen", 1)])
        assert stage.world.conveyor("conveyor2").word("RepSeqSeen") == 1


async def test_a_call_without_an_answer_is_unknown_and_not_carried_out_twice(south, tmp_path) -> None:
    async with called(south, tmp_path, "robot1", timeout_ms=150) as (stage, image):
        robot = stage.world.robot("robot1")
        states = []
        robot.on_state, before = lambda state: (states.append(state), before(state)), robot.on_state
        stage.server.delay_replies(400)
        with pytest.raises(WriteUnknown):
            await image.write(order(4, 3))
        stage.server.delay_replies(0)
        await south.until(lambda: image.good and image.number("CmdAckSeq") == 3)
        await image.write(order(4, 3))  # as the mailbox repeats it
        assert answer(image)[0] == 3
        await south.until(lambda: robot.state is State.HELD)
        assert states == [State.HOLDING, State.HELD]


async def test_a_method_without_a_number_is_called_once_and_never_again(south, tmp_path, monkeypatch) -> None:
    """As many PLCs have it: `Start()`, and no tag that acknowledges."""
    from plc_sim.opcua import methods as served

    plain = served._methods
    monkeypatch.setattr(
        served,
        "_methods",
        lambda program: [
            (name, [a for a in inputs if a.Name != "CmdSeq"], lambda p, given, body=body: body(p, [*given, 0]))
            if any(a.Name == "CmdSeq" for a in inputs)
            else (name, inputs, body)
            for name, inputs, body in plain(program)
        ],
    )
    async with called(south, tmp_path, "robot1", timeout_ms=150) as (stage, image):
        robot = stage.world.robot("robot1")
        await image.write(order(4, 5))
        assert answer(image) == [5, 1, 0]
        await image.refresh(methods.ANSWERS)
        assert answer(image) == [5, 1, 0], "the machine has no such tags to say otherwise"
        await south.until(lambda: robot.state is State.HELD)
        stage.server.delay_replies(400)
        with pytest.raises(WriteUnknown):
            await image.write(order(5, 6))
        stage.server.delay_replies(0)
        await south.until(lambda: image.good and robot.state is State.EXECUTE)
        with pytest.raises(WriteRejected, match="not repeated"):
            await image.write(order(5, 6))
        with pytest.raises(WriteRejected, match="no number to take back"):
            await image.write(order(0, 0))


async def test_a_machine_without_methods_says_so(opcua_plc, south, tags) -> None:
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url, command_style="method"), tags.nodes) as image:
        await south.until(lambda: "has no MethodSet" in image.reason)


async def test_the_equipment_does_not_know_the_difference(south, tmp_path) -> None:
    ended = []

    async def report(message):
        ended.append(message)
        return ()

    for style in ("mailbox", "method"):
        async with opcua_stage(south.free_port(), ["robot1"], tmp_path) as stage:
            device = stage.device("robot1", command_style=style)
            async with south.kept(opcua.keep, device, stage.tags("robot1")) as image:
                robot = Robot(next(m for m in SITE.machines if m.machine_id == "robot1"), image)
                async with asyncio.TaskGroup() as group:
                    watching = group.create_task(robot.watch(report, 1, lambda: 0))
                    await robot.obey(
                        StartJob(
                            at_ms=0, machine_id="robot1", job_id=9, task_id="T1", hu_id="1" * 18, sku="S1",
                            quantity=2, source="R-01-02-3",
                        )
                    )  # fmt: skip
                    await south.until(lambda: any(isinstance(m, JobEnded) for m in ended), 60)
                    await robot.obey(CommandMachine(at_ms=0, machine_id="robot1", command=MachineCommand.HOLD))
                    await south.until(lambda: any(isinstance(m, CommandEnded) for m in ended), 60)
                    watching.cancel()
        (job,) = [m for m in ended if isinstance(m, JobEnded)]
        (command,) = [m for m in ended if isinstance(m, CommandEnded)]
        assert (job.result, job.picked) == ("OK", 2), style
        assert command.result in ("ACCEPTED", "DONE"), style
        ended.clear()


async def test_a_number_becomes_what_the_method_wants() -> None:
    wanted = ua.Argument(Name="Enabled", DataType=ua.NodeId(ua.Int32(1)))
    assert methods._argument("SetLane", wanted, {"Enabled": 1}, ()).Value is True
    with pytest.raises(WriteRejected, match="which nobody here knows"):
        methods._argument("SetLane", ua.Argument(Name="Colour", DataType=ua.NodeId(ua.Int32(5))), {}, ())
