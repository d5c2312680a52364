"""The PLC program of a robot cell: one job at a time by the handshake of plc-and-standards 2.2.

A JobSeq ahead of the last one taken is a job; the same again, or an older one come late, is none. JobNo 0 is no job:
its number is taken and acknowledged and nothing else changes, so that whoever gave up a job can make its number old.
What is in the gripper still counts as lying in its slot: it leaves it when it is placed, or when it falls. Without a
WCS a cycle that has begun is finished, then the robot is Held and takes no job.
"""

import random
from collections.abc import Sequence

from edge.settings import MachineSettings
from edge.settings.site import RackSettings
from plc_sim.actuations import Did
from plc_sim.agenda import Agenda
from plc_sim.belt import Belt
from plc_sim.codes import DWORD, MAP_ROBOT, WORD, Cmd, CmdReason, CmdResult, FaultCode, JobError, JobResult, State
from plc_sim.events import JobFinished
from plc_sim.packml import MOVING
from plc_sim.plant import Plant
from plc_sim.program import Program, Tell
from plc_sim.ring import after, newer
from plc_sim.sim_settings import number

NO_JOB, PICK_FROM_SLOT = 0, 1
DESIGN_MM_S = 1000
APPROACH, PICKED, MOVED, DONE = 1, 2, 3, 4
"""The values of Step; 0 is idle."""
JOB_WORDS = ("JobNo", "JobId", "JobAisle", "JobBay", "JobLevel", "JobQuantity", "JobSeq")
RESULT_WORDS = (
    "JobSeqAck",
    "JobSeqDone",
    "JobIdEcho",
    "Busy",
    "Done",
    "Error",
    "ErrorCode",
    "Result",
    "PickedCount",
    "CycleTimeMs",
    "Step",
    "PartPresent",
)


class Robot(Program):
    """Its motion runs on a belt of one metre per second, so that a hold stretches a cycle and changes nothing else."""

    completes = True

    def __init__(
        self,
        machine: MachineSettings,
        agenda: Agenda,
        speed: int,
        tell: Tell,
        plant: Plant,
        racks: Sequence[RackSettings],
        rng: random.Random,
    ) -> None:
        super().__init__(machine, agenda, speed, tell, JOB_WORDS, ("JobSeq",))
        self.motion = Belt(agenda, DESIGN_MM_S)
        self.floor = f"{self.machine_id}/floor"
        """Where parts lie that fell."""
        self.drop_next = False
        """The next part will fall while it is carried."""
        self.busy = False
        self._plant = plant
        self._racks = [rack for rack in racks if rack.robot and rack.zone == machine.zone]
        self._cycle_ms = number(machine, "cycle_ms", 6000)
        self._unit_ms = number(machine, "unit_ms", 900)
        self._spread_percent = number(machine, "spread_percent", 0)
        self._rng = rng
        self._finishing = False
        """The cycle goes on to its end although the machine is on its way to a standstill."""
        self.part_lost = False
        self._seen_seq = 0
        self._running_seq = 0
        self._job = 0
        """Number of the current job since power on; what belonged to an older one is void."""
        self._job_id = 0
        self._location = ""
        self._quantity = 0
        self._gripped = 0
        """Pieces in the gripper."""
        self._began_ms = 0
        self.put("MapId", MAP_ROBOT)
        self.put("AtHome", 1)
        self.put("VacuumOk", 1)
        self._show_ready()
        self.show_bits()

    def on_state(self, state: State) -> None:
        self._finishing = self.busy and (
            state is State.COMPLETING or (state is State.HOLDING and self.fallback and not self.part_lost)
        )
        self.drive(self.motion, on=self.running or self._finishing)
        if self.busy and state in (State.STOPPING, State.ABORTING, State.STOPPED):
            self._fail()
        if self.part_lost and state in (State.RESETTING, State.UNHOLDING):
            self._forget_part()
        if state is State.EXECUTE and not self.busy:
            self.put("AtHome", 1)
        self._show_ready()

    def settles(self, state: State) -> bool:
        return not self._finishing

    def on_host(self) -> None:
        self._show_ready()

    def own_command(self, code: int, args: Sequence[int]) -> tuple[CmdResult, CmdReason]:
        """SetSpeed, in per cent."""
        if code != Cmd.SET_SPEED or not args or not 1 <= args[0] <= 100:
            return CmdResult.REJECTED, CmdReason.ARGUMENT
        self.pace(args[0])
        return CmdResult.DONE, CmdReason.NONE

    def pace(self, percent: int) -> None:
        """How fast the arm moves."""
        self.motion.set_speed(DESIGN_MM_S * percent // 100)

    def lose_part(self) -> bool:
        """The vacuum fails and what is in the gripper falls; False when there is nothing in it."""
        if not self.busy or not self._gripped:
            return False
        self._say(Did.DROPPED)
        self._plant.shift(self._location, self.floor, self._gripped, by=self.machine_id)
        self.part_lost, self._gripped = True, 0
        self._job += 1  # what the cycle had before it is void
        for name, value in (("PartLost", 1), ("VacuumOk", 0), ("PartPresent", 0), ("Error", 1)):
            self.put(name, value)
        self.put("ErrorCode", int(JobError.PART_LOST))
        self.fault(FaultCode.PART_LOST)
        if self.state in (*MOVING, State.HOLDING):
            self.enter(State.HOLDING, FaultCode.PART_LOST.name)
        return True

    def pick_up(self, by: str) -> int:
        """Somebody puts what fell back where it was taken from."""
        return self._plant.shift(self.floor, self._location, self._plant.on_hand(self.floor), by)

    def _forget_part(self) -> None:
        """Somebody has decided to go on: the job begins again, with what the slot still holds."""
        self.part_lost = False
        for name, value in (("PartLost", 0), ("VacuumOk", 1), ("Error", 0), ("ErrorCode", 0)):
            self.put(name, value)
        self.fault(FaultCode.PART_LOST, on=False)
        if self.busy:
            self._cycle()

    def on_trigger(self, name: str) -> None:
        if name != "JobSeq":
            super().on_trigger(name)
            return
        seq = self.word("JobSeq")
        if not newer(seq, self._seen_seq):
            return
        words = [self.word(word) for word in JOB_WORDS]
        self._accept(seq, words[0], words[1], (words[2], words[3], words[4]), words[5])

    def start_job(
        self, job_id: int, aisle: int, bay: int, level: int, quantity: int, job_no: int = PICK_FROM_SLOT
    ) -> JobError:
        """Pick from a slot: NONE when the robot has begun, else why it refuses."""
        return self._accept(after(self._seen_seq), job_no, job_id, (aisle, bay, level), quantity)

    def restart(self) -> None:
        """See Program; a job under way is lost and nothing was moved."""
        self.busy = self._finishing = False
        self._job += 1
        self._seen_seq = self._gripped = 0
        self._forget_part()
        for name in RESULT_WORDS:
            self.put(name, 0)
        super().restart()

    def _accept(self, seq: int, job_no: int, job_id: int, slot: tuple[int, int, int], quantity: int) -> JobError:
        if job_no == NO_JOB:
            self._seen_seq = seq
            self.put("JobSeqAck", seq)
            return JobError.UNKNOWN_JOB
        if self.busy:
            return self._refuse_busy(seq)
        error = self._check(job_no, slot, quantity)
        self._seen_seq = self._running_seq = seq
        self.put("Done", 0)
        self.put("JobIdEcho", job_id % DWORD)
        self.put("Error", error is not JobError.NONE)
        self.put("ErrorCode", int(error))
        self.put("Result", int(JobResult.NONE if error is JobError.NONE else JobResult.FAILED))
        self.put("PickedCount", 0)
        if error is JobError.NONE:
            self._begin(job_id, slot, quantity)
        self.put("JobSeqAck", seq)
        return error

    def _refuse_busy(self, seq: int) -> JobError:
        """A second job does not disturb the first: it is acknowledged as an error and nothing else."""
        self._seen_seq = seq
        self.put("Error", 1)
        self.put("ErrorCode", int(JobError.NOT_READY))
        self.put("JobSeqAck", seq)
        return JobError.NOT_READY

    def _check(self, job_no: int, slot: tuple[int, int, int], quantity: int) -> JobError:
        if not self.running or self.fallback:
            return JobError.NOT_READY
        if job_no != PICK_FROM_SLOT:
            return JobError.UNKNOWN_JOB
        return JobError.NONE if self._slot(slot) and quantity > 0 else JobError.BAD_PARAMETER

    def _slot(self, slot: tuple[int, int, int]) -> str:
        aisle, bay, level = slot
        for rack in self._racks:
            if 1 <= aisle <= rack.aisles and 1 <= bay <= rack.bays and 1 <= level <= rack.levels:
                return f"{rack.prefix}-{aisle:02}-{bay:02}-{level}"
        return ""

    def _begin(self, job_id: int, slot: tuple[int, int, int], quantity: int) -> None:
        self._job_id = job_id
        self._location = self._slot(slot)
        self._quantity = quantity
        self._began_ms = self.agenda.now_ms
        self.busy = True
        self.put("Busy", 1)
        self.put("AtHome", 0)
        self._show_ready()
        self._say(Did.JOB_STARTED)
        self._cycle()

    def _cycle(self) -> None:
        """Approach, grip, carry, place."""
        self._job += 1
        self._gripped = 0
        self.put("Step", APPROACH)
        reach = min(self._quantity, self._plant.on_hand(self._location))
        spread = self._rng.randint(-self._spread_percent, self._spread_percent) if self._spread_percent else 0
        whole_um = (self._cycle_ms + self._unit_ms * reach) * (1000 + 10 * spread)
        here_um = self.motion.position_um
        job = self._job
        self.motion.at(here_um + whole_um * 35 // 100, lambda: self._step(job, PICKED))
        self.motion.at(here_um + whole_um * 70 // 100, lambda: self._step(job, MOVED))
        self.motion.at(here_um + whole_um, lambda: self._finish(job))

    def _say(self, did: Did) -> None:
        """Until something is gripped, how much is wanted."""
        quantity = self._quantity if did is Did.JOB_STARTED else self._gripped
        self.did(did, job_id=self._job_id, seq=self._running_seq, source=self._location, quantity=quantity)

    def _step(self, job: int, step: int) -> None:
        if not self.busy or job != self._job:
            return
        self.put("Step", step)
        if step == PICKED:
            self._gripped = min(self._quantity, self._plant.on_hand(self._location))
            if self._gripped:
                self._say(Did.GRIPPED)
        self.put("PartPresent", self._gripped > 0)
        if step == MOVED and self.drop_next:
            self.drop_next = not self.lose_part()

    def _finish(self, job: int) -> None:
        if not self.busy or job != self._job:
            return
        picked = self._plant.pick(self._location, self._gripped, by=self.machine_id, target=f"job {self._job_id}")
        if picked:
            self._say(Did.PLACED)
        result = JobResult.OK if picked == self._quantity else JobResult.SHORT
        self._end(result, JobError.NONE if picked else JobError.SLOT_EMPTY, picked)

    def _fail(self) -> None:
        """Stopped in the middle: nothing was placed, what was in the gripper goes back by hand."""
        self._job += 1
        self._end(JobResult.FAILED, JobError.PART_LOST if self.part_lost else JobError.ESTOP, 0)

    def _end(self, result: JobResult, error: JobError, picked: int) -> None:
        self.busy = False
        self._gripped = 0
        cycle_ms = self.agenda.now_ms - self._began_ms
        failed = result is JobResult.FAILED
        self.put("Step", 0 if failed else DONE)
        self.put("PartPresent", 0)
        self.put("AtHome", not failed)
        self.put("PickedCount", min(picked, WORD - 1))
        self.put("CycleTimeMs", cycle_ms % DWORD)
        self.put("Result", int(result))
        self.put("ErrorCode", int(error))
        self.put("Error", failed)
        self.put("Busy", 0)
        self.put("Done", not failed)
        self.put("JobSeqDone", self._running_seq)
        self._show_ready()
        self.tell(
            JobFinished(
                at_ms=self.agenda.now_ms,
                machine_id=self.machine_id,
                job_seq=self._running_seq,
                job_id=self._job_id,
                result=result,
                error=error,
                picked=picked,
                cycle_ms=cycle_ms,
            )
        )
        if self._finishing:
            self._finishing = False
            self.drive(self.motion, on=False)
            self.settled()

    def _show_ready(self) -> None:
        self.put("Ready", self.running and not self.busy and not self.fallback)
