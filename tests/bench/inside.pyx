# cython: language_level=3, boundscheck=False, wraparound=False
"""Decisions of the compiled sort.py and index.py called as C, without a Python call in between; built by core.py."""

from posix.time cimport CLOCK_MONOTONIC, CLOCK_THREAD_CPUTIME_ID, clock_gettime, clockid_t, timespec

from edge.wes.index cimport Index
from edge.wes.sort cimport Barcodes, LanePlan


cdef enum:
    BLOCK = 64


cdef inline long long now_ns(clockid_t clock) noexcept:
    cdef timespec now
    clock_gettime(clock, &now)
    return now.tv_sec * 1_000_000_000 + now.tv_nsec


def by_number(LanePlan plan, const long long[::1] numbers, long long now_ms):
    """Nanoseconds of this thread for all of them, and the sum of the answers; the barcodes are numbers already.

    A block is looked up, then decided: the look-ups wait for memory together, not one after the other.
    """
    cdef Barcodes barcodes = plan.barcodes
    cdef long long[BLOCK] destinations
    cdef Py_ssize_t start, at
    cdef long long answers = 0
    cdef long long started = now_ns(CLOCK_THREAD_CPUTIME_ID)
    for start in range(0, numbers.shape[0] - BLOCK + 1, BLOCK):
        for at in range(BLOCK):
            destinations[at] = barcodes.look_up(numbers[start + at], None)
        for at in range(BLOCK):
            answers += plan.choose(destinations[at], 0, now_ms)
    return now_ns(CLOCK_THREAD_CPUTIME_ID) - started, answers


def in_a_row(LanePlan plan, list scans, long long now_ms):
    """Nanoseconds of this thread for all of them, and the sum of the answers."""
    cdef str barcode
    cdef long long answers = 0
    cdef long long started = now_ns(CLOCK_THREAD_CPUTIME_ID)
    for barcode in scans:
        answers += plan.decide(barcode, 0, now_ms)
    return now_ns(CLOCK_THREAD_CPUTIME_ID) - started, answers


def one_by_one(LanePlan plan, list scans, long long now_ms, long long[::1] took_ns):
    """Fills in how long each one took, with one look at the clock in it."""
    cdef str barcode
    cdef Py_ssize_t at = 0
    cdef long long answers = 0, started
    for barcode in scans:
        started = now_ns(CLOCK_MONOTONIC)
        answers += plan.decide(barcode, 0, now_ms)
        took_ns[at] = now_ns(CLOCK_MONOTONIC) - started
        at += 1
    return answers


def best_of(Index index, const long long[:, ::1] asked, long long[::1] chosen):
    """Nanoseconds of this thread for all questions: three classes, area, time; then the new task's class, area and worth."""
    cdef Py_ssize_t at
    cdef long long slot
    cdef const long long[::1] each
    cdef long long started = now_ns(CLOCK_THREAD_CPUTIME_ID)
    for at in range(asked.shape[0]):
        each = asked[at]
        slot = index.best(each, 3, each[3], each[4])
        index.take(slot)
        index.put(slot, each[5], each[6], slot, each[7], each[8], each[9], each[10], each[11], each[12])
        chosen[at] = slot
    return now_ns(CLOCK_THREAD_CPUTIME_ID) - started
