"""Measures multiprocessing for mpbox bench.

Reads lines "NAME SECONDS", and answers each with the seconds that one
operation of that name took, in a sample of about so many seconds, or with
"error" and a text. The first sample of a name warms up and may be longer. It
ends with its input. Needs Python 3.8 and nothing else.
"""
import multiprocessing
import os
import platform
import signal
import sys
import time

METHODS = multiprocessing.get_all_start_methods()
ctx = multiprocessing.get_context("fork" if "fork" in METHODS else None)

LIFELINE = 3  # a pipe whose other end only the box has
BATCH = 64
WORKERS = 4
LARGEST_MAP = 100_000


def watch():
    """Lets a process kill the whole group once the box has gone.

    The input ends then too, but this process may not come to look at it.
    """
    if os.fork() == 0:
        for fd in 0, 1, 2:
            os.close(fd)
        os.read(LIFELINE, 1)
        os.killpg(0, signal.SIGKILL)


class Shape:
    """What is measured: run does n operations."""

    def __init__(self):
        self.children = []
        self.orders = []

    def spawn(self, target, *args):
        p = ctx.Process(target=target, args=args, daemon=True)
        p.start()
        self.children.append(p)

    def hire(self, size, do, *args):
        """Starts children that do as often as they are told."""
        crew = []
        for _ in range(size):
            ours, theirs = ctx.Pipe()
            self.spawn(obey, theirs, do, args)
            crew.append(ours)
        self.orders += crew
        return crew

    def share(self, crew, n):
        for i, orders in enumerate(crew):
            orders.send(n // len(crew) + (i < n % len(crew)))

    def wait(self):
        for orders in self.orders:
            orders.recv()

    def close(self):
        for p in self.children:
            p.kill()
        for p in self.children:
            p.join()


def obey(orders, do, args):
    while True:
        do(orders.recv(), *args)
        orders.send(None)


def nothing():
    pass


class StartJoin(Shape):
    def run(self, n):
        for _ in range(n):
            p = ctx.Process(target=nothing)
            p.start()
            p.join()


def echo(conn, size):
    message = bytearray(size)
    while True:
        conn.recv_bytes_into(message)
        conn.send_bytes(message)


class RoundTrip(Shape):
    def __init__(self, size):
        super().__init__()
        self.message = bytes(size)
        self.conn, theirs = ctx.Pipe()
        self.answer = bytearray(size)
        self.spawn(echo, theirs, size)

    def run(self, n):
        send, recv, message = self.conn.send_bytes, self.conn.recv_bytes_into, self.message
        for _ in range(n):
            send(message)
            recv(self.answer)


def drain(n, conn, size):
    message = bytearray(size)
    for _ in range(n):
        conn.recv_bytes_into(message)


class Stream(Shape):
    def __init__(self, size):
        super().__init__()
        self.message = bytes(size)
        theirs, self.conn = ctx.Pipe(duplex=False)
        self.crew = self.hire(1, drain, theirs, size)

    def run(self, n):
        self.share(self.crew, n)
        for _ in range(n):
            self.conn.send_bytes(self.message)
        self.wait()


def put(n, queue):
    for i in range(n):
        queue.put(i)


def put_lists(n, queue):
    values = list(range(BATCH))
    for _ in range(n):
        queue.put(values)


def get(n, queue):
    for _ in range(n):
        queue.get()


class Queue(Shape):
    def __init__(self, producers, consumers, put):
        super().__init__()
        queue = ctx.Queue()
        self.producers = self.hire(producers, put, queue)
        self.consumers = self.hire(consumers, get, queue)

    def run(self, n):
        self.share(self.producers, n)
        self.share(self.consumers, n)
        self.wait()


def acquire(n, lock):
    for _ in range(n):
        lock.acquire()
        lock.release()


class Free(Shape):
    def __init__(self, make):
        super().__init__()
        self.lock = make()

    def run(self, n):
        acquire(n, self.lock)


class Contended(Shape):
    def __init__(self, size):
        super().__init__()
        self.crew = self.hire(size, acquire, ctx.Lock())

    def run(self, n):
        self.share(self.crew, n)
        self.wait()


def answer_semaphore(ping, pong):
    while True:
        ping.acquire()
        pong.release()


class Semaphores(Shape):
    def __init__(self):
        super().__init__()
        self.ping, self.pong = ctx.Semaphore(0), ctx.Semaphore(0)
        self.spawn(answer_semaphore, self.ping, self.pong)

    def run(self, n):
        for _ in range(n):
            self.ping.release()
            self.pong.acquire()


def answer_event(ping, pong):
    while True:
        ping.wait()
        ping.clear()
        pong.set()


class Events(Shape):
    def __init__(self):
        super().__init__()
        self.ping, self.pong = ctx.Event(), ctx.Event()
        self.spawn(answer_event, self.ping, self.pong)

    def run(self, n):
        for _ in range(n):
            self.ping.set()
            self.pong.wait()
            self.pong.clear()


def answer_condition(cond, turn):
    with cond:
        while True:
            while turn.value != 1:
                cond.wait()
            turn.value = 0
            cond.notify()


class Conditions(Shape):
    def __init__(self):
        super().__init__()
        self.cond, self.turn = ctx.Condition(ctx.Lock()), ctx.Value("q", 0, lock=False)
        self.spawn(answer_condition, self.cond, self.turn)

    def run(self, n):
        cond, turn = self.cond, self.turn
        with cond:
            for _ in range(n):
                turn.value = 1
                cond.notify()
                while turn.value != 0:
                    cond.wait()


def meet(n, barrier):
    for _ in range(n):
        barrier.wait()


class Barrier(Shape):
    def __init__(self, parties):
        super().__init__()
        self.crew = self.hire(parties, meet, ctx.Barrier(parties))

    def run(self, n):
        self.share(self.crew, n * len(self.crew))
        self.wait()


class Add(Shape):
    def __init__(self):
        super().__init__()
        self.value = ctx.Value("q", 0)

    def run(self, n):
        value = self.value
        for _ in range(n):
            with value.get_lock():
                value.value += 1


class New(Shape):
    def __init__(self, make):
        super().__init__()
        self.make = make

    def run(self, n):
        for _ in range(n):
            self.make()


def new_queue():
    ctx.Queue().close()


def new_pipe():
    for end in ctx.Pipe():
        end.close()


def square(x):
    return x * x


class Map(Shape):
    def __init__(self, chunk):
        super().__init__()
        self.chunk = chunk
        self.pool = ctx.Pool(WORKERS)

    def run(self, n):
        while n > 0:
            part = min(n, LARGEST_MAP)
            self.pool.map(square, range(part), self.chunk)
            n -= part

    def close(self):
        self.pool.terminate()
        self.pool.join()


class Life(Shape):
    def run(self, n):
        for _ in range(n):
            with ctx.Pool(WORKERS) as pool:
                pool.map(square, range(100))
            pool.join()


SHAPES = {
    "start_join": StartJoin,
    "round_trip/8B": lambda: RoundTrip(8),
    "round_trip/1KiB": lambda: RoundTrip(1 << 10),
    "round_trip/64KiB": lambda: RoundTrip(64 << 10),
    "round_trip/1MiB": lambda: RoundTrip(1 << 20),
    "stream/64KiB": lambda: Stream(64 << 10),
    "stream/1MiB": lambda: Stream(1 << 20),
    "queue/1:1": lambda: Queue(1, 1, put),
    "queue/4:1": lambda: Queue(4, 1, put),
    "queue/1:4": lambda: Queue(1, 4, put),
    "queue/4:4": lambda: Queue(4, 4, put),
    "batch/1:1": lambda: Queue(1, 1, put_lists),
    "batch/4:1": lambda: Queue(4, 1, put_lists),
    "batch/1:4": lambda: Queue(1, 4, put_lists),
    "batch/4:4": lambda: Queue(4, 4, put_lists),
    "lock/free": lambda: Free(ctx.Lock),
    "lock/2": lambda: Contended(2),
    "lock/4": lambda: Contended(4),
    "rlock/free": lambda: Free(ctx.RLock),
    "semaphore": Semaphores,
    "event": Events,
    "condition": Conditions,
    "barrier/2": lambda: Barrier(2),
    "barrier/4": lambda: Barrier(4),
    "barrier/8": lambda: Barrier(8),
    "value/add": Add,
    "new/lock": lambda: New(ctx.Lock),
    "new/queue": lambda: New(new_queue),
    "new/pipe": lambda: New(new_pipe),
    "pool/chunk1": lambda: Map(1),
    "pool/auto": lambda: Map(None),
    "pool/life": Life,
}


class Sampler:
    """Takes samples of one shape, of as many operations as fit the time."""

    def __init__(self, name):
        self.name, self.shape, self.n = name, SHAPES[name](), 0

    def sample(self, seconds):
        if self.n == 0:
            return self.warm_up(seconds)
        while True:
            n, taken = self.n, self.timed()
            self.n = max(1, n // 2, int(n * min(seconds / taken, 4)))
            if taken >= seconds / 2:
                return taken / n

    def warm_up(self, seconds):
        self.n = 1
        while True:
            n, fastest = self.n, min(self.timed(), self.timed())
            if fastest <= 2 * seconds:
                fastest = min(fastest, self.timed())
            self.n = max(1, int(n * min(seconds / fastest, 50)))
            if fastest >= seconds / 4:
                return fastest / n

    def timed(self):
        begin = time.perf_counter()
        self.shape.run(self.n)
        return max(time.perf_counter() - begin, 1e-9)


def main():
    watch()
    print("ready", platform.python_version(), ctx.get_start_method(), flush=True)
    sampler = None
    for line in sys.stdin:
        name, seconds = line.split()
        try:
            if sampler is None or sampler.name != name:
                if sampler is not None:
                    sampler.shape.close()
                    sampler = None
                sampler = Sampler(name)
            print(sampler.sample(float(seconds)), flush=True)
        except Exception as e:
            print("error", repr(e).replace("\n", " "), flush=True)
    if sampler is not None:
        sampler.shape.close()


if sys.version_info < (3, 8):
    sys.exit("Python 3.8 or later is needed, not " + platform.python_version())
main()
