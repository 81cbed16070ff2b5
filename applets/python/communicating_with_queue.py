"""Let a producer and a consumer share a queue."""

import multiprocessing as mp
import os
import random
import time

# The unit of every pause, in seconds: "200ms" is 200e-3, "1s" is 1.
STEP = os.getenv("MPBOX_STEP", "200ms")
STEP = float(STEP.replace("ms", "e-3").rstrip("s"))


def say(line):
    print(line, flush=True)  # else a pipe gets it when the process ends


def producer(queue):
    name = mp.current_process().name
    for _ in range(10):
        item = random.randrange(257)
        queue.put(item)
        say(f"Process Producer : item {item} appended to queue {name}")
        say(f"The size of queue is {size(queue)}")
        time.sleep(0.5 * STEP)


def size(queue):
    try:
        return queue.qsize()
    except NotImplementedError:  # on macOS
        return "unknown"


def consumer(queue):
    name = mp.current_process().name
    while True:
        time.sleep(1.2 * STEP)  # slower than the producer
        item = queue.get()
        if item is None:
            break
        say(f"Process Consumer : item {item} popped from by {name}")
    say("the queue is empty")


if __name__ == "__main__":
    queue = mp.Queue()
    producing = mp.Process(name="producer-1", target=producer, args=(queue,))
    consuming = mp.Process(name="consumer-2", target=consumer, args=(queue,))
    producing.start()
    consuming.start()
    producing.join()
    # In Go a queue ends when no producer is left. In Python it has no end:
    # None says that this was all. The consumer can't go by queue.empty(), as
    # the producer may just be the slower of the two.
    queue.put(None)
    consuming.join()
