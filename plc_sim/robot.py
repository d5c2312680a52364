"""The PLC program of a robot cell: one job at a time by the handshake of plc-and-standards 2.2."""

from collections.abc import Sequence

from edge.settings import MachineSettings
from edge.settings.site import RackSettings
from plc_sim.agenda import Agenda
from plc_sim.belt import Belt
from plc_sim.codes import DWORD, MAP_ROBOT, WORD, JobError, JobResult, State
from plc_sim.events import JobFinished
from plc_sim.line import number
from plc_sim.plant import Plant
from plc_sim.program import Program, Tell
from plc_sim.ring import after

PICK_FROM_SLOT = 1
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

    def __init__(
        self,
        machine: MachineSettings,
        agenda: Agenda,
        speed: int,
        tell: Tell,
        plant: Plant,
        racks: Sequence[RackSettings],
    ) -> None:
        super().__init__(machine, agenda, speed, tell, JOB_WORDS, ("JobSeq",))
        self.motion = Belt(agenda, 1000)
        self.busy = False
        self._plant = plant
        self._racks = [rack for rack in racks if rack.robot and rack.zone == machine.zone]
        self._cycle_ms = number(machine, "cycle_ms", 6000)
        self._unit_ms = number(machine, "unit_ms", 900)
        self._seen_seq = 0
        self._running_seq = 0
        self._job = 0
        """Number of the current job since power on; what belonged to an older one is void."""
        self._job_id = 0
        self._location = ""
        self._quantity = 0
        self._began_ms = 0
        self.put("MapId", MAP_ROBOT)
        self.put("AtHome", 1)
        self.put("VacuumOk", 1)
        self._show_ready()
        self.show_bits()

    def on_state(self, state: State) -> None:
        self.motion.run(on=self.running)
        if self.busy and state in (State.STOPPING, State.ABORTING, State.STOPPED):
            self._fail()
        if state is State.EXECUTE and not self.busy:
            self.put("AtHome", 1)
        self._show_ready()

    def on_trigger(self, name: str) -> None:
        seq = self.word("JobSeq")
        if seq in (0, self._seen_seq):
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
        self.busy = False
        self._job += 1
        self._seen_seq = 0
        for name in RESULT_WORDS:
            self.put(name, 0)
        super().restart()

    def _accept(self, seq: int, job_no: int, job_id: int, slot: tuple[int, int, int], quantity: int) -> JobError:
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
        if not self.running:
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
        self._job += 1
        self._job_id = job_id
        self._location = self._slot(slot)
        self._quantity = quantity
        self._began_ms = self.agenda.now_ms
        self.busy = True
        self.put("Busy", 1)
        self.put("Step", 1)
        self.put("AtHome", 0)
        self._show_ready()
        reach = min(quantity, self._plant.on_hand(self._location))
        whole_um = (self._cycle_ms + self._unit_ms * reach) * 1000
        here_um = self.motion.position_um
        job = self._job
        self.motion.at(here_um + whole_um * 35 // 100, lambda: self._step(job, 2))
        self.motion.at(here_um + whole_um * 70 // 100, lambda: self._step(job, 3))
        self.motion.at(here_um + whole_um, lambda: self._finish(job))

    def _step(self, job: int, step: int) -> None:
        if self.busy and job == self._job:
            self.put("Step", step)
            self.put("PartPresent", self._plant.on_hand(self._location) > 0)

    def _finish(self, job: int) -> None:
        if not self.busy or job != self._job:
            return
        picked = self._plant.pick(self._location, self._quantity, by=self.machine_id, target=f"job {self._job_id}")
        result = JobResult.OK if picked == self._quantity else JobResult.SHORT
        self._end(result, JobError.NONE if picked else JobError.SLOT_EMPTY, picked)

    def _fail(self) -> None:
        """Stopped in the middle: nothing was placed, what was in the gripper goes back by hand."""
        self._job += 1
        self._end(JobResult.FAILED, JobError.ESTOP, 0)

    def _end(self, result: JobResult, error: JobError, picked: int) -> None:
        self.busy = False
        cycle_ms = self.agenda.now_ms - self._began_ms
        failed = result is JobResult.FAILED
        self.put("Step", 0 if failed else 4)
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

    def _show_ready(self) -> None:
        self.put("Ready", self.running and not self.busy)
