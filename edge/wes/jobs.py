"""Robot jobs: what the end of one means for its task."""

from edge.messages import JobEnded, JobOverdue
from edge.wes.alarms import HIGH, MEDIUM, clear_alarm, raise_alarm
from edge.wes.assign import take_back
from edge.wes.floor import Floor
from edge.wes.planning import ended
from edge.wes.reports import complete
from edge.wes.state import ResourceRecord
from edge.wes.tasks import TaskRecord, TaskState

RETRIES_MAX = 3
REST_MS = 5_000
REST_MAX_MS = 300_000
"""A robot that fails rests, each time twice as long, so that a sick one does not spoil a whole zone's tasks."""
GOOD_ENDS = ("OK", "SHORT")


PART_LOST = "PART_LOST"


def overdue(floor: Floor, message: JobOverdue) -> None:
    """The robot has the job and keeps it: only the robot, or a person there, can say what becomes of it."""
    raise_alarm(
        floor,
        f"{message.machine_id}:overdue",
        HIGH,
        f"{message.machine_id} has worked {message.worked_ms // 1000} s on job {message.job_id}, "
        f"which should take {message.nominal_ms // 1000} s",
        "Look at the robot; HOLD it, or STOP it to end the job",
    )


def job_ended(floor: Floor, message: JobEnded) -> None:
    """Complete or retry the task of the robot's current job; the end of any other job is old news."""
    robot = floor.state.resources.get(message.machine_id)
    record = floor.state.tasks.get(robot.task_id) if robot else None
    if robot is None or record is None or record.job_id != message.job_id:
        floor.state.reports_ignored += 1
        return
    clear_alarm(floor, f"{message.machine_id}:overdue")
    picked = min(max(message.picked, 0), record.task.quantity)
    if message.result in GOOD_ENDS:
        robot.failures = 0
        clear_alarm(floor, f"{robot.resource_id}:job")
        short = "" if picked == record.task.quantity else message.reason or "SHORT"
        complete(floor, robot, record, picked, short)
        return
    failed(floor, robot, record, message)
    if picked:
        complete(floor, robot, record, picked, message.reason or message.result)
    elif record.tries > RETRIES_MAX:
        complete(floor, robot, record, 0, "ROBOT_FAILED")
    else:
        take_back(floor, robot, record, f"ROBOT_{message.result}")
        if record.state is TaskState.CANCELLED:
            ended(floor, record, "")


def failed(floor: Floor, robot: ResourceRecord, record: TaskRecord, message: JobEnded) -> None:
    """Count the failure, let the robot rest, and call somebody."""
    record.tries += 1
    robot.rest_until_ms = floor.now_ms + min(REST_MS << min(robot.failures, 10), REST_MAX_MS)
    robot.failures += 1
    because = f": {message.reason}" if message.reason else ""
    if message.result == PART_LOST:
        raise_alarm(
            floor,
            f"{robot.resource_id}:part",
            HIGH,
            f"{robot.resource_id} lost {record.task.sku} on the way from {record.task.source}",
            "Find the part in the cell and put it back into its slot; count the tote",
            ack_clears=True,
        )
        return
    raise_alarm(
        floor,
        f"{robot.resource_id}:job",
        MEDIUM,
        f"{robot.resource_id} failed at {record.task.sku} from {record.task.source} ({message.result}){because}",
        "Look at the gripper and the tote",
    )
