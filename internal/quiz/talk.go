package quiz

import (
	"fmt"
	"slices"
	"strconv"
)

// talkTemplates are about queues and pipes.
var talkTemplates = []template{
	{"communicating_with_queue/order", nil, queueOrder},
	{"communicating_with_queue/shared", nil, queueShared},
	{"communicating_with_queue/ends", []string{"deadlocks"}, queueEnds},
	{"communicating_with_queue/capacity", nil, queueCapacity},
	{"communicating_with_pipe/last", nil, pipeLast},
	{"communicating_with_pipe/square", nil, pipeSquare},
	{"communicating_with_pipe/lines", nil, pipeLines},
}

// What the lines of the queue's applet say.
const (
	appended   = `^Process Producer : item (\d+) appended to queue `
	popped     = `^Process Consumer : item (\d+) popped from by `
	queueEmpty = `^the queue is empty$`
)

func queueOrder(d *draw) Question {
	n, seed := d.number(5, 9), d.number(1, 999)
	const same, reversed, sorted = "as they were appended", "the last appended first", "the smallest first"
	return Question{
		Args: words("communicating_with_queue --count %d --seed %d", n, seed),
		Text: fmt.Sprintf("One process appends %d random numbers to a queue, another pops them more slowly, so that they "+
			"pile up. In which order are they popped?", n),
		Choices: []string{same, reversed, sorted, changes},
		answer: func(r *Run) (string, error) {
			in, out := r.all(appended), r.all(popped)
			if slices.Equal(in, out) {
				return same, nil
			}
			slices.Reverse(in)
			if slices.Equal(in, out) {
				return reversed, nil
			}
			if slices.IsSortedFunc(out, byNumber) {
				return sorted, nil
			}
			return changes, nil
		},
		explain: func(r *Run) string {
			return fmt.Sprintf("The first one in was %s, and the first one out %s: a queue is first in, first out, also "+
				"between processes. With several consumers each still gets its items in that order, but which one is "+
				"quicker to print its line is luck.", r.all(appended)[0], r.all(popped)[0])
		},
	}
}

func byNumber(a, b string) int {
	i, _ := strconv.Atoi(a) // matched as digits
	j, _ := strconv.Atoi(b)
	return i - j
}

func queueShared(d *draw) Question {
	producers, consumers, n := d.number(2, 3), d.number(2, 4), d.number(2, 4)
	return Question{
		Args: words("communicating_with_queue --producers %d --consumers %d --count %d", producers, consumers, n),
		Text: fmt.Sprintf("%d producers append %d items each to one queue, and %d consumers pop from it until it has ended. "+
			"How many lines say that an item was popped?", producers, n, consumers),
		Choices: numbers(producers*n, producers*n*consumers, consumers*n, n),
		answer:  howMany(popped),
		explain: func(r *Run) string {
			return fmt.Sprintf("%d items were appended, and each is popped by exactly one of the consumers: a queue shares "+
				"work out, it does not tell everybody everything. Who gets which is luck, that none is lost or "+
				"doubled is not.", len(r.all(appended)))
		},
	}
}

func queueEnds(d *draw) Question {
	consumers, n := d.number(2, 4), d.number(3, 6)
	return Question{
		Args: words("communicating_with_queue --consumers %d --count %d", consumers, n),
		Text: fmt.Sprintf("One producer appends %d items and closes the queue; %d consumers are there. One that learns that "+
			"the queue has ended prints \"the queue is empty\", and ends. How many do?", n, consumers),
		Choices: numbers(consumers, 1, 0, n),
		answer:  howMany(queueEmpty),
		explain: func(*Run) string {
			return "When no process is left that could put, each consumer gets io.EOF, however many there are. A queue of " +
				"Python has no end: there one puts a mark for each consumer, or trusts empty(), which may be true " +
				"only for now. With a mark too few one of them waits for ever."
		},
	}
}

func queueCapacity(d *draw) Question {
	capacity := d.number(1, 3)
	n := capacity + d.number(5, 7)
	return Question{
		Args: words("communicating_with_queue --capacity %d --count %d", capacity, n),
		Text: fmt.Sprintf("A producer is more than twice as fast as the consumer, and has %d items. The queue holds %d. "+
			"After each item that it has appended it prints the size of the queue. Which is the largest?", n, capacity),
		Choices: numbers(capacity, capacity+1, n, n/2),
		answer: func(r *Run) (string, error) {
			sizes := r.all(`^The size of queue is (\d+)$`)
			if len(sizes) == 0 {
				return "", errLate
			}
			return slices.MaxFunc(sizes, byNumber), nil
		},
		explain: func(r *Run) string {
			return fmt.Sprintf("Put waits while the queue is full, so the producer is slowed down to the pace of the consumer: "+
				"that is back-pressure. No item is lost by it: %d were appended, %d popped. Without a capacity they "+
				"would pile up in memory.", len(r.all(appended)), len(r.all(popped)))
		},
	}
}

func pipeLast(d *draw) Question {
	n := d.number(3, 12)
	return Question{
		Args: words("communicating_with_pipe --count %d", n),
		Text: fmt.Sprintf("One child sends the numbers 0 to %d into a pipe, a second sends their squares into another, the main "+
			"program prints these up to the end of file. It was not told how many there are. Which line is the "+
			"last?", n-1),
		Choices: append(numbers((n-1)*(n-1), n*n), "End", "none: it waits for ever"),
		answer:  lastLine,
		explain: func(*Run) string {
			return "The end of file comes when no process has the writing end open any more. The child closes its own, and " +
				"so has the main program, before it began to read: with that one open it would wait for ever for " +
				"itself."
		},
	}
}

func pipeSquare(d *draw) Question {
	n := d.number(4, 12)
	k := d.number(3, n)
	return Question{
		Args: words("communicating_with_pipe --count %d", n),
		Text: fmt.Sprintf("The numbers from 0 on, %d of them, go through two pipes and are squared on their way. Which "+
			"number is in line %d?", n, k),
		Choices: append(numbers((k-1)*(k-1), k*k, k-1), changes),
		answer: func(r *Run) (string, error) {
			if len(r.Lines) < k {
				return "", fmt.Errorf("only %d lines", len(r.Lines))
			}
			return r.Lines[k-1], nil
		},
		explain: func(*Run) string {
			return fmt.Sprintf("Line %d has the square of %d, as the numbers begin at 0. Three processes were at work, but a "+
				"pipe keeps the order of what goes through it, and each pipe has one sender and one receiver: so "+
				"the order of the lines is certain.", k, k-1)
		},
	}
}

func pipeLines(d *draw) Question {
	n := d.number(0, 9)
	return Question{
		Args:    words("communicating_with_pipe --count %d", n),
		Text:    fmt.Sprintf("%d numbers are sent through the pipes, from 0 on. How many lines are printed in all?", n),
		Choices: numbers(n, n+1, n+2, 2*n+1),
		answer:  howMany(`.`),
		explain: func(r *Run) string {
			return fmt.Sprintf("One line for each number, and then %q, on end of file. The end of file is no message: it "+
				"takes none of the numbers' places, and it comes also if there is nothing before it.", r.last())
		},
	}
}
