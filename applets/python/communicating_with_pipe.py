"""Send numbers through two pipes, and their squares back."""

import multiprocessing as mp


def create_items(outlet):
    """Sends the numbers into the first pipe."""
    with outlet:
        for item in range(10):
            outlet.send(item)


def multiply_items(inlet, outlet):
    """Squares what comes from the first pipe into the second."""
    with inlet, outlet:
        for item in all_of(inlet):
            outlet.send(item * item)


def all_of(inlet):
    """What comes from a pipe, up to its end."""
    try:
        while True:
            yield inlet.recv()
    except EOFError:
        pass


if __name__ == "__main__":
    # The end comes when no process is left that could send, and this one
    # could until it closes its own copies of the ends. A child that is forked
    # has copies of all that is open: so close them before the next start. In
    # Go a child has what is in its arguments, and nothing else.
    in1, out1 = mp.Pipe(duplex=False)
    create = mp.Process(target=create_items, args=(out1,))
    create.start()
    out1.close()

    in2, out2 = mp.Pipe(duplex=False)
    multiply = mp.Process(target=multiply_items, args=(in1, out2))
    multiply.start()
    in1.close()
    out2.close()

    with in2:
        for item in all_of(in2):
            print(item)
    print("End")

    create.join()
    multiply.join()
