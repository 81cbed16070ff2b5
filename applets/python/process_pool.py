"""Share a hundred tasks among four workers that are used again."""

import multiprocessing as mp


def function_square(data):
    return data * data


if __name__ == "__main__":
    inputs = list(range(100))
    with mp.Pool(processes=4) as pool:  # which ends the workers, too
        # In the order of the inputs, whoever was first. If a worker were
        # killed in a task, map would wait for ever; in Go the task fails.
        results = pool.map(function_square, inputs)
    print("Pool    :", results)
