package quiz

import (
	"errors"
	"fmt"
	"strconv"
)

// lossTemplates are about processes that depend on each other, when one of them
// has a fault.
var lossTemplates = []template{
	{"communicating_with_queue/killed", []string{"death"}, queueKilled},
	{"communicating_with_queue/undrained", []string{"deadlocks"}, queueUndrained},
	{"communicating_with_queue/unclosed", []string{"deadlocks"}, queueUnclosed},
	{"communicating_with_pipe/killed", []string{"death"}, pipeKilled},
	{"communicating_with_pipe/unclosed", []string{"deadlocks"}, pipeUnclosed},
	{"process_barrier/late", nil, barrierLate},
	{"process_barrier/killed", []string{"death", "deadlocks"}, barrierKilled},
	{"process_barrier/holder", []string{"death", "deadlocks"}, barrierHolder},
	{"process_barrier/printed", []string{"death"}, barrierPrinted},
}

func queueKilled(d *draw) Question {
	const fails, waits, ends = "it gets an error from Put", "it waits for ever in Put", "it puts all, and ends with 0"
	capacity := d.number(1, 3)
	return Question{
		Args: words("communicating_with_queue --fault kill --capacity %d --seed %d", capacity, d.number(1, 99)),
		Text: fmt.Sprintf("A producer has 10 items for a queue that holds %d. The only consumer is killed with one of the first "+
			"in its hands. What becomes of the producer?", capacity),
		Choices: []string{fails, waits, ends},
		fails:   true,
		answer: func(r *Run) (string, error) {
			if _, err := r.first(`^Process producer-1: (ipc: no receiver is left)$`); err == nil {
				return fails, nil
			}
			_, err := r.told(`, (0 were never put)\.`)
			return ends, err
		},
		explain: func(r *Run) string {
			seen := r.seen(`(Of \d+ items .*? never put)\.`)
			return fmt.Sprintf("%s. A queue knows who could still get from it. When that is nobody, Put returns an error instead "+
				"of waiting for room that can't come. Python's put waits for ever when the queue is full, or, "+
				"without a maxsize, returns as if all were well.", seen)
		},
	}
}

func queueUndrained(d *draw) Question {
	capacity := d.number(2, 4)
	n := capacity + d.number(2, 4)
	return Question{
		Args: words("communicating_with_queue --fault join-before-drain --capacity %d --count %d", capacity, n),
		Text: fmt.Sprintf("A producer has %d items for a queue that holds %d. The main program starts it and joins it, and only "+
			"then starts the consumer. How many items are put while it waits in Join?", n, capacity),
		Choices: numbers(capacity, n, 0, capacity+1),
		answer:  toldOf(`, with (\d+) of \d+ items put, and the queue full`),
		explain: func(r *Run) string {
			took := r.seen(`After (\S+) in Join`)
			return fmt.Sprintf("The queue was full, the producer waited in Put for room, the main program in Join for the producer: "+
				"a deadlock, though nobody has died. It was looked at for %s, and then the consumer was started after "+
				"all. First drain, then join: also in Python, where even a queue without a limit has one, in a pipe.", took)
		},
	}
}

func queueUnclosed(d *draw) Question {
	consumers := d.number(2, 4)
	n := consumers + d.number(1, 3)
	return Question{
		Args: words("communicating_with_queue --fault forget-close --consumers %d --count %d", consumers, n),
		Text: fmt.Sprintf("All %d items of a queue are popped, and its producer has ended. But the main program, which never puts, "+
			"has forgotten to close its own end. How many of the %d consumers still wait in Get, five steps later?",
			n, consumers),
		Choices: numbers(0, 1, consumers, consumers-1),
		answer:  toldOf(`Five steps later (\d+) of \d+ consumers were alive, waiting in Get`),
		explain: func(*Run) string {
			return "A queue has ended when nobody is left that could put. The main program could have, as far as anybody can " +
				"know, so they wait, all of them. When it closed its end, each got io.EOF. Who starts processes with a handle " +
				"and does not need it any more has to close it."
		},
	}
}

func pipeKilled(d *draw) Question {
	n := d.number(6, 12)
	const end, fails, waits = "the end of file, as if that were all", "an error from Recv", "nothing: it waits for ever"
	return Question{
		Args: words("communicating_with_pipe --fault kill --count %d --seed %d", n, d.number(1, 99)),
		Text: fmt.Sprintf("Of %d numbers some have been squared and sent on when the process that squares is killed. What does the "+
			"main program get, which receives the squares, after those?", n),
		Choices: []string{end, fails, waits},
		fails:   true,
		answer: func(r *Run) (string, error) {
			if len(r.all(`^End$`)) == 1 {
				return end, nil
			}
			_, err := r.first(`^(mpbox: communicating_with_pipe: ipc: )`)
			return fails, err
		},
		explain: func(r *Run) string {
			return fmt.Sprintf("It got %d squares and the end of file: the system closes what a dead process had open, whether it "+
				"had done all its work or not. The end of file alone does not say so. Its exit code does, or a last "+
				"message that says how many there were.", len(r.all(`^\d+$`)))
		},
	}
}

func pipeUnclosed(d *draw) Question {
	n := d.number(3, 8)
	const end, waits, fails = "the end of file", "nothing: it waits", "an error: the pipe is broken"
	return Question{
		Args: words("communicating_with_pipe --fault forget-close --count %d --seed %d", n, d.number(1, 99)),
		Text: fmt.Sprintf("The main program has received all %d squares, and asks for more. It has forgotten to close its own copy "+
			"of a sending end, which it never uses. What does it get?", n),
		Choices: []string{end, waits, fails},
		answer: func(r *Run) (string, error) {
			came, err := r.told(`squares, for \S+, (neither a number nor the end of file came|this came: EOF|this came)`)
			answer := map[string]string{
				"neither a number nor the end of file came": waits, "this came: EOF": end, "this came": fails,
			}[came]
			return answer, err
		},
		explain: func(r *Run) string {
			pipe := r.seen(`^Fault +: forget-close, .* pipe (\d)$`)
			waited := r.seen(`After \d+ squares, for (\S+),`)
			return fmt.Sprintf("For %s nothing came: the end of file of pipe %s was missing as long as any process could have sent, "+
				"and the last one that could was the main program itself. It waited for itself. After fork, in Python, "+
				"children have such copies without having been given any.", waited, pipe)
		},
	}
}

func barrierLate(d *draw) Question {
	const punctual, late, both, neither = "the one that is in time", "the late one", "both, as long", "neither"
	return Question{
		Args: words("process_barrier --fault late --seed %d", d.number(1, 99)),
		Text: "p1 and p2 meet at a barrier for two, and one of them comes three steps late. Which of the two has to wait at the " +
			"barrier, for a step or longer?",
		Choices: []string{punctual, late, both, neither},
		answer: func(r *Run) (string, error) {
			// The applet tells the one that was in time first.
			first, err1 := r.gapOf(r.told(`Seen : p\d waited (\S+) at the barrier`))
			second, err2 := r.gapOf(r.told(`at the barrier, p\d (\S+): `))
			arrived, err3 := r.gap(arrivedApart)
			switch {
			case err1 != nil || err2 != nil || err3 != nil:
				return "", errors.Join(err1, err2, err3)
			case arrived < 1, second > first: // the other was even later: it took long to start
				return "", errLate
			case first >= 1 && second >= 1:
				return both, nil
			case first >= 1:
				return punctual, nil
			}
			return neither, nil
		},
		explain: func(r *Run) string {
			who := r.seen(`^Fault +: late, (p\d),`)
			arrived := r.seen(arrivedApart)
			return fmt.Sprintf("%s was late: the two arrived %s apart, and the one that was in time paid for that. It is the same "+
				"whenever work is shared out unevenly: all wait for the slowest. p3 and p4, without a barrier, waited "+
				"for nobody.", who, arrived)
		},
	}
}

func barrierKilled(d *draw) Question {
	const broken, waits, passes = "an error: the barrier is broken", "nothing: it waits for ever", "it passes alone"
	return Question{
		Args: words("process_barrier --fault kill --seed %d", d.number(1, 99)),
		Text: "p1 and p2 are to meet at a barrier for two. One of them is killed on its way there. What does the other get from " +
			"Wait?",
		Choices: []string{broken, waits, passes},
		fails:   true,
		answer: func(r *Run) (string, error) {
			if _, err := r.first(`^Process p[12]: (ipc: barrier is broken)$`); err == nil {
				return broken, nil
			}
			_, err := r.told(`(3) of the 4 processes came to their end`)
			return passes, err
		},
		explain: func(r *Run) string {
			hit := r.seen(`^Fault +: kill, (p\d),`)
			return fmt.Sprintf("%s was killed. A barrier knows which processes could still come; when they are too few it breaks, and "+
				"all who wait get an error. Python's barrier only counts who has come: there the other one waits for "+
				"ever, unless it has set a timeout.", hit)
		},
	}
}

func barrierHolder(d *draw) Question {
	return Question{
		Args: words("process_barrier --fault hold-lock --seed %d", d.number(1, 99)),
		Text: "Four processes print under one Lock. One is killed in the middle of its line, with the Lock in its hands. How " +
			"many of the other three get ErrOwnerDied from Acquire?",
		Choices: numbers(0, 1, 2, 3),
		fails:   true,
		answer: func(r *Run) (string, error) {
			n, err := r.told(`with ErrOwnerDied for (\d) of the others`)
			if lines := strconv.Itoa(len(r.all(`^process p\d - has the Lock`))); err == nil && n != lines {
				err = fmt.Errorf("%s are said to, and %s say so", n, lines)
			}
			return n, err
		},
		explain: func(r *Run) string {
			heir := r.seen(`^process (p\d) - has the Lock`)
			return fmt.Sprintf("%s was next. It holds the Lock, and knows that what it guards may be half done; it sets that right, and "+
				"for those after it the Lock is like any other. In Python nobody gets it any more: the Lock stays "+
				"held, and all others wait for ever.", heir)
		},
	}
}

func barrierPrinted(d *draw) Question {
	return Question{
		Args: words("process_barrier --fault hold-lock --seed %d", d.number(1, 99)),
		Text: "Four processes print a line each, under one Lock. p1 or p2 is killed in the middle of its line, with the Lock; the " +
			"other three come for it after that. How many whole lines are there in the end?",
		Choices: numbers(0, 1, 3, 4),
		fails:   true,
		answer:  howMany(`^process p\d - test_\w+ ----> \d`),
		explain: func(r *Run) string {
			half := r.seen(`^process (p\d) - test_\w+ ?$`)
			return fmt.Sprintf("%s's line stayed half written: what a dead process has done stays done, and a lock can't undo it. It is "+
				"handed on at once, with a warning, and the other three print theirs. In Python the count would be "+
				"none: the Lock stays with the dead.", half)
		},
	}
}
