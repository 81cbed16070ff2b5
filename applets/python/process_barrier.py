"""Let two processes wait for each other, and two others not."""

import multiprocessing as mp
import os
import time
from datetime import datetime, timedelta

# The unit of every pause, in seconds: "200ms" is 200e-3, "1s" is 1.
STEP = os.getenv("MPBOX_STEP", "200ms")
STEP = float(STEP.replace("ms", "e-3").rstrip("s"))


def test_with_barrier(barrier, lock, times, delay):
    time.sleep(delay)
    arrived = datetime.now()
    barrier.wait()
    tell("test_with_barrier", lock, times, arrived, datetime.now())


def test_without_barrier(lock, times, delay):
    time.sleep(delay)
    now = datetime.now()
    tell("test_without_barrier", lock, times, now, now)


def tell(test, lock, times, arrived, passed):
    """Prints the line of this process, and reports its times."""
    name = mp.current_process().name
    with lock:  # one prints at a time
        stamp = passed.isoformat(" ", "microseconds")
        print(f"process {name} - {test} ----> {stamp}", flush=True)
    times.put((name, arrived, passed))


def gap(times, one, other):
    apart = abs(times[one] - times[other])
    return f"{apart / timedelta(milliseconds=1):.3f}ms"


if __name__ == "__main__":
    # If p1 died, p2 would wait at the barrier for ever, had it no time limit.
    # In Go it breaks when a process dies that has it.
    barrier = mp.Barrier(2, timeout=60)
    lock = mp.Lock()
    times = mp.Queue()
    processes = []
    for name, target, args in [
        ("p1", test_with_barrier, (barrier, lock, times, 0)),
        ("p2", test_with_barrier, (barrier, lock, times, STEP)),
        ("p3", test_without_barrier, (lock, times, 0)),
        ("p4", test_without_barrier, (lock, times, STEP)),
    ]:
        processes.append(mp.Process(name=name, target=target, args=args))
    for process in processes:
        process.start()

    # First get, then join: a process that has put something may not end
    # before it was got.
    arrived, passed = {}, {}
    for _ in processes:
        name, came, went = times.get(timeout=120)
        arrived[name], passed[name] = came, went
    for process in processes:
        process.join()

    print(f"with barrier: p1 and p2 arrived {gap(arrived, 'p1', 'p2')} apart")
    print(f"with barrier: p1 and p2 passed {gap(passed, 'p1', 'p2')} apart")
    print(f"without barrier: p3 and p4 were {gap(passed, 'p3', 'p4')} apart")
