package quiz

import (
	"fmt"
	"strconv"
	"strings"
)

// poolTemplates are about the pool, and what a fault costs it.
var poolTemplates = []template{
	{"process_pool/order", []string{"pools"}, poolOrder},
	{"process_pool/workers", []string{"pools"}, poolWorkers},
	{"process_pool/lost", []string{"worker_death"}, poolLost},
	{"process_pool/chunk", []string{"worker_death"}, poolChunk},
	{"process_pool/status", []string{"worker_death", "exit_codes"}, poolStatus},
	{"process_pool/cause", []string{"worker_death"}, poolCause},
	{"process_pool/signal", []string{"worker_death"}, poolSignal},
	{"process_pool/memory", []string{"limits"}, poolMemory},
}

// results are the items of the line that has them.
func results(r *Run) ([]string, error) {
	list, err := r.first(`^Pool    : \[(.*)\]$`)
	return strings.Split(list, ", "), err
}

func poolOrder(d *draw) Question {
	n, workers := d.number(12, 30), d.number(2, 4)
	k := d.number(5, n-1)
	return Question{
		Args: words("process_pool --inputs %d --workers %d --chunk 1", n, workers),
		Text: fmt.Sprintf("%d workers square the numbers 0 to %d, one input at a time, each when it is free. The list of "+
			"results is printed. Which is its number %d, counted from 1?", workers, n-1, k),
		Choices: append(numbers((k-1)*(k-1), k*k, k-1), changes),
		answer: func(r *Run) (string, error) {
			list, err := results(r)
			if err == nil && len(list) < k {
				err = fmt.Errorf("only %d results", len(list))
			}
			if err != nil {
				return "", err
			}
			return list[k-1], nil
		},
		explain: func(*Run) string {
			return fmt.Sprintf("Result number %d is the square of input number %d, which is %d. Which worker was first is "+
				"luck, but Map puts each result at the place of its input. Who wants them as they come takes "+
				"ImapUnordered.", k, k, k-1)
		},
	}
}

func poolWorkers(d *draw) Question {
	n := d.number(20, 60)
	return Question{
		Args: words("process_pool --inputs %d --workers 1 --chunk 1 --who", n),
		Text: fmt.Sprintf("A pool with one worker squares %d inputs, which it gets one at a time. --who has a line for each "+
			"worker process that there was, with its share. How many processes have squared an input?", n),
		Choices: numbers(1, 2, n, n+1),
		answer:  howManyDifferent(`^worker (\d+) squared `),
		explain: func(r *Run) string {
			pid := r.seen(`^worker (\d+) squared `)
			return fmt.Sprintf("Process %s has done them all: a worker takes the next input when it is done with one. That "+
				"is the point of a pool. A process for each would have cost %d starts.", pid, n)
		},
	}
}

func poolLost(d *draw) Question {
	n := d.number(8, 16)
	k := d.number(2, n-2)
	return Question{
		Args: words("process_pool --inputs %d --workers 4 --fault kill@%d", n, k),
		Text: fmt.Sprintf("Four workers square the inputs 0 to %d. The one that comes to input %d is killed there and then, "+
			"by SIGKILL. How many of the %d squares does the list have?", n-1, k, n),
		Choices: append(numbers(n-1, k, n), "no list: it waits for ever"),
		fails:   true,
		answer: func(r *Run) (string, error) {
			list, err := results(r)
			n := 0
			for _, item := range list {
				if item != "-" {
					n++
				}
			}
			return strconv.Itoa(n), err
		},
		explain: func(r *Run) string {
			return "A worker that dies costs the one input that it was at; what it had squared has arrived, what it had not " +
				"begun goes to others. The same input is not tried again unless Retry says so, since it might kill " +
				"the next worker too. Python's Pool.map waits for ever here: it forgets what a dead worker had."
		},
	}
}

func poolChunk(d *draw) Question {
	n := d.number(20, 40)
	k := d.number(5, n-5)
	return Question{
		Args: words("process_pool --inputs %d --workers 1 --chunk %d --fault kill@%d", n, n, k),
		Text: fmt.Sprintf("The only worker gets all %d inputs as one chunk, and is killed at input %d. How many of the inputs "+
			"stay without a square?", n, k),
		Choices: numbers(1, n, n-k, k),
		fails:   true,
		answer: func(r *Run) (string, error) {
			list, err := results(r)
			return strconv.Itoa(strings.Count(strings.Join(list, ","), "-")), err
		},
		explain: func(*Run) string {
			return fmt.Sprintf("A chunk is how inputs travel, and not what fails. Of the worker's results those of 0 to %d had "+
				"arrived; a new worker was started for the rest. Only input %d is lost, and the pool knows which "+
				"it was.", k-1, k)
		},
	}
}

// poolFault says what --fault does at an input.
func poolFault(how string, input int) string {
	return fmt.Sprintf(map[string]string{
		"kill":  "A worker of a pool kills itself with SIGKILL at input %d.",
		"hang":  "A worker of a pool hangs at input %d, and each input has a time limit.",
		"panic": "A worker of a pool panics at input %d.",
		"exit":  "A worker of a pool calls os.Exit(3) at input %d.",
	}[how], input)
}

func poolStatus(d *draw) Question {
	how := d.one("kill", "hang", "panic", "exit")
	n := d.number(5, 12)
	k := d.number(1, n-1)
	return Question{
		Args: words("process_pool --inputs %d --fault %s@%d", n, how, k),
		Text: poolFault(how, k) + fmt.Sprintf(" All others of the %d inputs are squared. What is the exit code of the "+
			"command?", n),
		Choices: numbers(0, 1, 124, map[string]int{"kill": 137, "hang": 143, "panic": 2, "exit": 3}[how]),
		fails:   true,
		answer:  exitCode,
		explain: func(r *Run) string {
			return fmt.Sprintf("Exit code %d: something that was asked for is missing, so 0 it can't be, although most is there. That "+
				"nothing but time ran out is said by 124, as the command timeout does; for all else it is 1. How the "+
				"worker ended is in the text: its code is not the command's.", r.Code)
		},
	}
}

func poolCause(d *draw) Question {
	how := d.one("kill", "hang", "panic", "exit")
	n := d.number(5, 12)
	k := d.number(1, n-1)
	return Question{
		Args:    words("process_pool --inputs %d --fault %s@%d", n, how, k),
		Text:    poolFault(how, k) + " What does the pool name as the cause of the failure?",
		Choices: []string{"killed", "timeout", "panic", "exit"},
		fails:   true,
		answer:  firstOf(`^Failed  : input \d+, attempt \d+, pid=\d+: (\w+)`),
		explain: func(r *Run) string {
			line := r.seen(`^Failed  : (input .*)$`)
			return fmt.Sprintf("The whole line: %q. The pool has it from the way the worker ended, and from what it knows "+
				"itself: who sent the signal, which input was under way.", line)
		},
	}
}

func poolSignal(d *draw) Question {
	how, n := d.one("kill", "hang"), d.number(6, 12)
	k := d.number(1, n-1)
	return Question{
		Args:    words("process_pool --inputs %d --fault %s@%d", n, how, k),
		Text:    poolFault(how, k) + " By which signal was the worker process ended?",
		Choices: []string{"signal 2 (interrupt)", "signal 9 (killed)", "signal 15 (terminated)", "none: it ended by itself"},
		fails:   true,
		answer: func(r *Run) (string, error) {
			if _, err := r.first(`^Failed  : .*, (exit code \d+)`); err == nil {
				return "none: it ended by itself", nil
			}
			return r.first(`^Failed  : .*, (signal \d+ \([a-z ]+\))`)
		},
		explain: func(*Run) string {
			if how == "hang" {
				return "Who takes too long is asked first, by SIGTERM, and only killed if that does not help. Here it does: " +
					"a Go program ends on SIGTERM unless it catches it, whatever its goroutines wait for. A " +
					"goroutine that hangs could not be ended at all: only a process can."
			}
			return "SIGKILL can't be caught, so the worker had no chance to report anything. That it is gone the pool learns " +
				"from the system, and which input was under way it knows by itself."
		},
	}
}

func poolMemory(d *draw) Question {
	n := d.number(4, 10)
	k := d.number(0, n-1)
	return Question{
		Args: words("process_pool --inputs %d --fault oom@%d", n, k),
		Text: fmt.Sprintf("At input %d a worker takes all memory that it gets. The workers' memory is limited to 128 MiB each. "+
			"What becomes of it all?", k),
		Choices: []string{
			"one input fails: out of memory", "one input fails: panic", "all inputs fail", "the main program is killed",
		},
		fails: true,
		answer: func(r *Run) (string, error) {
			failed := r.all(`^Failed  : input \d+, attempt \d+, pid=\d+: ([a-z ]+)`)
			switch {
			case r.Code > 128:
				return "the main program is killed", nil
			case len(failed) == n:
				return "all inputs fail", nil
			case len(failed) == 1:
				return "one input fails: " + failed[0], nil
			}
			return "", fmt.Errorf("%d inputs failed", len(failed))
		},
		explain: func(r *Run) string {
			line := r.seen(`^Failed  : (input .*)$`)
			return fmt.Sprintf("%q. The limit is the worker's own, so the machine does not run out of memory, and neither "+
				"the other workers nor the main program have to suffer. Where nothing is limited the kernel picks a "+
				"process to kill, and not always the right one.", line)
		},
	}
}
