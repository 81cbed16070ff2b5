package quiz

import (
	"errors"
	"fmt"
	"strconv"
)

// startTemplates are about how processes are started, and what is theirs.
var startTemplates = []template{
	{"spawning_process/lines", nil, spawningLines},
	{"spawning_process/last", nil, spawningLast},
	{"spawning_process/pids", nil, spawningPids},
	{"spawning_process_namespace/torn", nil, namespaceTorn},
	{"spawning_process_namespace/pids", nil, namespacePids},
	{"myfunc/numbers", nil, myfuncNumbers},
	{"myfunc/process", nil, myfuncProcess},
	{"myfunc/usage", []string{"exit_codes"}, myfuncUsage},
	{"naming_processes/default", nil, namingDefault},
	{"naming_processes/names", nil, namingNames},
	{"process_in_subclass/name", nil, subclassName},
	{"process_in_subclass/pids", []string{"start_methods"}, subclassPids},
}

// wholeLine is what a line of myFunc is, with a pid before it or without.
const wholeLine = `^(?:\[\d+\] )?(?:calling myFunc from process n°: \d+|output from myFunc is :\d+)$`

// pidBefore finds the pid that a line begins with.
const pidBefore = `^\[(\d+)\] `

func spawningLines(d *draw) Question {
	n := d.number(3, 7)
	return Question{
		Args: words("spawning_process --processes %d", n),
		Text: fmt.Sprintf("%d processes run one after the other, number 0 to %d. Process number i prints a line with "+
			"its number, and then the numbers from 0 to i, a line each. How many lines is that in all?", n, n-1),
		Choices: numbers(n+n*(n+1)/2, n+n*(n-1)/2, n*(n+1), n*(n+1)/2),
		answer:  howMany(`.`),
		explain: func(r *Run) string {
			return fmt.Sprintf("Process i prints i+2 lines: one with its number, and i+1 numbers, since both 0 and i are "+
				"among them. For i from 0 to %d that makes %d.", n-1, len(r.Lines))
		},
	}
}

func spawningLast(d *draw) Question {
	n := d.number(3, 8)
	line := func(j int) string { return fmt.Sprintf("output from myFunc is :%d", j) }
	return Question{
		Args: words("spawning_process --processes %d", n),
		Text: fmt.Sprintf("%d processes, number 0 to %d, are each started, joined, and only then followed by the next. "+
			"Process number i prints the numbers from 0 to i. Which line is the last?", n, n-1),
		Choices: []string{line(n - 1), line(n), line(0), changes},
		answer:  lastLine,
		explain: func(r *Run) string {
			return fmt.Sprintf("Join waits until the process has ended, so no two of them ever run at the same time, and "+
				"the lines come in one order. The last is that of process number %d: %q. With --parallel all "+
				"are started before any is joined, and the order is left to the system.", n-1, r.last())
		},
	}
}

func spawningPids(d *draw) Question {
	n := d.number(3, 6)
	return Question{
		Args: words("spawning_process --processes %d --pids", n),
		Text: fmt.Sprintf("The main program calls a function in %d processes, and each line begins with the pid of the "+
			"process that printed it. How many different pids are there?", n),
		Choices: numbers(n, 1, n+1, n+n*(n+1)/2),
		answer:  howManyDifferent(pidBefore),
		explain: func(r *Run) string {
			pids := distinct(r.all(pidBefore))
			return fmt.Sprintf("Each call ran in a process of its own: %d pids, from %s to %s. The main program has one "+
				"as well, %d, but it printed nothing.", len(pids), pids[0], pids[len(pids)-1], r.Pid)
		},
	}
}

func namespaceTorn(d *draw) Question {
	n := d.number(4, 8)
	return Question{
		Args: words("spawning_process_namespace --processes %d", n),
		Text: fmt.Sprintf("%d processes run side by side and print %d lines to the same stdout, without a lock. How many "+
			"of these lines are torn, with a piece of another inside?", n, n+n*(n+1)/2),
		Choices: numbers(0, n-1, n, n*(n+1)/2),
		answer: func(r *Run) (string, error) {
			return strconv.Itoa(len(r.Lines) - len(r.all(wholeLine))), nil
		},
		explain: func(r *Run) string {
			return fmt.Sprintf("All %d lines are whole, though lines of different processes may be mixed. Each is written "+
				"with its line end by one write, and the system does not let another come into the middle of so short "+
				"a one. Python's print writes the line end by itself, if the output is not buffered: there lines can "+
				"run into each other.", len(r.Lines))
		},
	}
}

func namespacePids(d *draw) Question {
	n := d.number(3, 6)
	k := d.number(1, n-1)
	return Question{
		Args: words("spawning_process_namespace --processes %d --pids", n),
		Text: fmt.Sprintf("%d processes, number 0 to %d, run side by side, and their lines mix. Each line begins with a "+
			"pid. How many lines begin with the pid of process number %d?", n, n-1, k),
		Choices: numbers(k+2, k+1, k, n),
		answer: func(r *Run) (string, error) {
			pid, err := r.first(fmt.Sprintf(`^\[(\d+)\] calling myFunc from process n°: %d$`, k))
			return strconv.Itoa(len(r.all(`^\[` + pid + `\] `))), err
		},
		explain: func(*Run) string {
			return fmt.Sprintf("Running beside others changes when a process prints, and not what: its own lines come all, "+
				"and in their order. Number %d says its number, and then 0 to %d. The argument was its own, too: "+
				"each child gets a copy.", k, k)
		},
	}
}

func myfuncNumbers(d *draw) Question {
	i := d.number(2, 9)
	return Question{
		Args:    words("myfunc %d", i),
		Text:    fmt.Sprintf("myFunc(%d) says that it was called, and prints the numbers up to %d. How many numbers?", i, i),
		Choices: numbers(i+1, i, i+2, i-1),
		answer:  howMany(`^output from myFunc is :\d+$`),
		explain: func(r *Run) string {
			return fmt.Sprintf("It counts from 0 to %d, both included, as range(i + 1) does in the original. Its last line "+
				"is %q.", i, r.last())
		},
	}
}

func myfuncProcess(d *draw) Question {
	i := d.number(1, 5)
	const own, child, many = "mpbox itself, the process that you started",
		"a child of mpbox", "a new process for each number"
	return Question{
		Args:    words("myfunc %d --pids", i),
		Text:    "The function that other applets run in processes is called here by its name. Who prints the lines?",
		Choices: []string{own, child, many},
		answer: func(r *Run) (string, error) {
			pids := distinct(r.all(pidBefore))
			switch {
			case len(pids) == 0:
				return "", errors.New("no line begins with a pid")
			case len(pids) > 1:
				return many, nil
			case pids[0] == strconv.Itoa(r.Pid):
				return own, nil
			}
			return child, nil
		},
		explain: func(r *Run) string {
			return fmt.Sprintf("mpbox was process %d, and so each line says. Calling a function starts no process, "+
				"whatever the function is otherwise used for: that takes NewProcess and Start.", r.Pid)
		},
	}
}

func myfuncUsage(d *draw) Question {
	i := d.one("ten", "2.5", "1e-3", "100001", "0x10", "1_0", "1e1")
	return Question{
		Args: words("myfunc %s", i),
		Text: fmt.Sprintf("I has to be a whole number from 0 to 100000, as people or programs write it. What is the exit "+
			"code for I = %s?", i),
		Choices: numbers(0, 1, 2, 127),
		fails:   true,
		answer:  exitCode,
		explain: func(r *Run) string {
			if r.Code == 0 {
				return fmt.Sprintf("%s is a whole number: an underscore may stand between digits, and 1e1 is 10, as in Go and "+
					"Python. What can be understood in one way only need not be refused. The last line is %q.", i, r.last())
			}
			return fmt.Sprintf("Exit code %d: by an old custom of Unix, that is a command line that makes no sense. 1 is "+
				"for what failed although it was asked for properly, 127 for a command that is not there. Nothing was "+
				"run: the message is all there is.", r.Code)
		},
	}
}

func namingDefault(d *draw) Question {
	name := d.one("reader", "the first one", "worker 7", "Process-2", "Process-1")
	return Question{
		Args: []string{"naming_processes", "--name", name},
		Text: fmt.Sprintf("Two processes are started. The first is given the name %q, the second none. What does the "+
			"second find that it is called?", name),
		Choices: []string{"Process-1", "Process-2", "Process-3", name + "-2"},
		answer: func(r *Run) (string, error) {
			names := r.all(`^Starting process name = (.*)$`)
			if len(names) != 2 {
				return "", fmt.Errorf("%d processes have started", len(names))
			}
			return other(names, name), nil
		},
		explain: func(*Run) string {
			return "The number in a default name counts the processes that were made, named ones too, and this was the " +
				"second. Nobody looks whether the name is already taken: names are for people, and need not be " +
				"unique. The pid is."
		},
	}
}

// other is the one of two names that is not the given one. If both are, so is
// the other.
func other(names []string, given string) string {
	if names[0] == given {
		return names[1]
	}
	return names[0]
}

func namingNames(d *draw) Question {
	name := d.one("alpha", "worker", "first", "Process-2")
	return Question{
		Args: words("naming_processes --name %s --pids", name),
		Text: fmt.Sprintf("A process called %q and one without a name of its own each print two lines, which begin with "+
			"a pid. How many different names do the four lines have?", name),
		Choices: numbers(1, 2, 3, 4),
		answer:  howManyDifferent(`process name = (.*)$`),
		explain: func(r *Run) string {
			return fmt.Sprintf("There are %d pids and %d. A process has one name from its start to its end, and the one "+
				"without is Process-2, as it is the second. It travels to the child with the arguments: there "+
				"CurrentProcess().Name reads it.",
				len(distinct(r.all(pidBefore))), len(distinct(r.all(`process name = (.*)$`))))
		},
	}
}

func subclassName(d *draw) Question {
	k := d.number(2, 9)
	name := func(what string, n int) string { return fmt.Sprintf("%s-%d", what, n) }
	return Question{
		Args: words("process_in_subclass"),
		Text: fmt.Sprintf("Ten processes of the type MyProcess are made, none with a name, and each is joined before the "+
			"next is started. Which name is in line %d?", k),
		Choices: []string{name("MyProcess", k), name("MyProcess", k-1), name("Process", k), changes},
		answer: func(r *Run) (string, error) {
			names := r.all(`^called run method in (.*)$`)
			if len(names) < k {
				return "", fmt.Errorf("only %d lines", len(names))
			}
			return names[k-1], nil
		},
		explain: func(*Run) string {
			return "The default name is that of the type and the number of the process, from 1 on. One after the other " +
				"means one order of lines: start, join, next. In Python it is the name of the class."
		},
	}
}

func subclassPids(*draw) Question {
	return Question{
		Args: words("process_in_subclass --pids"),
		Text: "A type with a Run method is made into a process ten times, by the same three lines in a loop, each joined " +
			"before the next. How many different pids do the lines begin with?",
		Choices: numbers(10, 1, 11, 2),
		answer:  howManyDifferent(pidBefore),
		explain: func(r *Run) string {
			return fmt.Sprintf("A process is started once and never again; the loop makes ten, the last with pid %s. To use "+
				"processes again and again is what a pool is for. Each of them is a new run of the same program, "+
				"which goes to the Run method and not to main.", r.all(pidBefore)[len(r.Lines)-1])
		},
	}
}
