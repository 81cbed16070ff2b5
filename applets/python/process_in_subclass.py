"""Make a class of one's own into a process, by its run method."""

import multiprocessing as mp


class MyProcess(mp.Process):
    def run(self):
        """What the process does, in place of a target."""
        print(f"called run method in {self.name}")


if __name__ == "__main__":
    for _ in range(10):
        process = MyProcess()
        process.start()  # not run: that would be a call in this very process
        process.join()
