package quiz

import (
	"cmp"
	"fmt"
	"strings"
)

// faultTemplates are about processes with a fault: who is hurt by it, and what
// is left to the others.
var faultTemplates = []template{
	{"spawning_process/faulty", []string{"exit_codes"}, spawningFaulty},
	{"spawning_process_namespace/faulty", nil, namespaceFaulty},
	{"naming_processes/stopped", nil, namingStopped},
	{"process_in_subclass/panic", []string{"exit_codes"}, subclassPanic},
	{"derom/killed", []string{"daemons", "death"}, deromKilled},
	{"no_bg_process/ignored", []string{"daemons"}, noBgIgnored},
	{"run_bgprocess_no_dermon/killed", []string{"death"}, noDermonKilled},
	{"killing_processes/stopped", nil, killingStopped},
}

// toldOf answers with what told returns.
func toldOf(pattern string) func(*Run) (string, error) {
	return func(r *Run) (string, error) { return r.told(pattern) }
}

func spawningFaulty(d *draw) Question {
	how := d.one("kill", "panic")
	does := map[string]string{"kill": "is killed by SIGKILL", "panic": "panics"}[how]
	return Question{
		Args: words("spawning_process --fault %s --seed %d", how, d.number(1, 99)),
		Text: fmt.Sprintf("One of six processes %s in the middle of its work. What is its exit code, as its parent sees it?",
			does),
		Choices: numbers(0, 1, 2, -9),
		fails:   true,
		answer:  toldOf(`Seen : Process-\d .*?exit code (-?\d+)`),
		explain: func(*Run) string {
			if how == "kill" {
				return "A signal that ends a process is its exit code, negated: SIGKILL is 9. Nothing in the process was told, " +
					"so nobody but the system could report it; Join returns an error that has the signal. Python's join " +
					"returns None for good and for bad."
			}
			return "A panic in a child is caught at its outermost edge: the code is 1, as for an error, and Join says with " +
				"which value it panicked. Any other Go program would end with 2. In Python an exception is 1 as well, and " +
				"its text is on stderr only."
		},
	}
}

func namespaceFaulty(d *draw) Question {
	n, how := d.number(4, 8), d.one("kill", "panic")
	does := map[string]string{"kill": "is killed", "panic": "panics"}[how]
	return Question{
		Args: words("spawning_process_namespace --processes %d --fault %s --seed %d", n, how, d.number(1, 99)),
		Text: fmt.Sprintf("%d processes run side by side. One of them %s in the middle of its work. How many of the %d come "+
			"to their end, with exit code 0?", n, does, n),
		Choices: numbers(n-1, 0, n, 1),
		fails:   true,
		answer:  toldOf(fmt.Sprintf(`(\d+) of the %d processes came to their end`, n)),
		explain: func(r *Run) string {
			return fmt.Sprintf("A process has memory of its own, and no other is hurt when it dies. That is what a goroutine "+
				"can't offer: one that panics takes the whole program with it. The command's exit code is %d, since "+
				"this main program looks at what Join returns.", r.Code)
		},
	}
}

func namingStopped(d *draw) Question {
	return Question{
		Args: words("naming_processes --fault stop --seed %d", d.number(1, 99)),
		Text: "One of two processes is stopped by SIGSTOP while it waits, and stands still. What does IsAlive return for it, " +
			"meanwhile?",
		Choices: []string{"true", "false", "nothing: it waits for SIGCONT"},
		answer:  toldOf(`did nothing for \S+: alive=(\w+),`),
		explain: func(r *Run) string {
			stood := r.seen(`did nothing for (\S+):`)
			return fmt.Sprintf("A process that is stopped has not ended: it is alive, and has no exit code. It did nothing "+
				"for %s, and then went on as if nothing had been. A parent can't tell that from one that computes; "+
				"only a time limit helps, or asking it for an answer.", stood)
		},
	}
}

func subclassPanic(d *draw) Question {
	return Question{
		Args: words("process_in_subclass --fault panic --seed %d", d.number(1, 99)),
		Text: "Ten processes are started, each when the one before has ended. One of them panics before it has called Run's " +
			"only print. How many of the ten lines are printed?",
		Choices: numbers(9, 10, 0, 1),
		fails:   true,
		answer:  howMany(`^called run method in MyProcess-\d+$`),
		explain: func(r *Run) string {
			hit := r.seen(`^Fault +: panic, in (\S+)$`)
			return fmt.Sprintf("%s was hit, and only its own line is missing. Join returned an error for it, and the loop went "+
				"on: what to make of an error is the parent's decision. Here it ends with exit code %d.", hit, r.Code)
		},
	}
}

func deromKilled(*draw) Question {
	const daemon, worker, both, none = "the daemon ends, the other goes on", "the other ends, the daemon goes on",
		"both end", "both go on"
	return Question{
		Args: words("derom --fault kill-main"),
		Text: "A main program has a daemon, which beats for ever, and another child, with work for six steps. It is killed by " +
			"SIGKILL, so that it can't do anything for either. What becomes of them?",
		Choices: []string{daemon, worker, both, none},
		answer: func(r *Run) (string, error) {
			fate, err1 := r.told(`The daemon (was gone|ended|, pid=\d+, is alive)`)
			work, err2 := r.told(`The non-daemon (did all of its work|ended before)`)
			ended, worked := !strings.HasSuffix(fate, "alive"), strings.HasPrefix(work, "did")
			answer := map[[2]bool]string{
				{true, true}: daemon, {true, false}: both, {false, true}: none, {false, false}: worker,
			}[[2]bool{ended, worked}]
			return answer, cmp.Or(err1, err2)
		},
		explain: func(r *Run) string {
			took := r.seen(`The daemon was gone within (\S+)\. `)
			return fmt.Sprintf("The daemon was gone within %s: it holds a pipe that ends with its parent, however that ends. The "+
				"other did all of its work, as an orphan. In Python the daemon goes on for ever: what would have ended it "+
				"runs at the end of the main program.", took)
		},
	}
}

func noBgIgnored(d *draw) Question {
	flags := d.one("", "--flip")
	return Question{
		Args: words("no_bg_process --fault ignore-term %s", flags),
		Text: "The main program ends, and with it its daemon has to, by SIGTERM. But the daemon ignores SIGTERM, and its loop " +
			"has no end. What is its exit code?",
		Choices: append(numbers(-15, -9, 0), "none: it goes on, and the main program waits"),
		answer:  toldOf(`was sent SIGTERM, and .*? ended it, .*?: exit code (-?\d+)`),
		explain: func(r *Run) string {
			took := r.seen(`ended it, (\S+) after`)
			return fmt.Sprintf("SIGTERM asks, and a process may refuse. Who has not ended after a while is sent SIGKILL, which it "+
				"can't: here %s later. Python sends SIGTERM, too, and then joins the "+
				"daemon without a limit: such a program never ends.", took)
		},
	}
}

func noDermonKilled(d *draw) Question {
	return Question{
		Args: words("run_bgprocess_no_dermon --fault kill --seed %d", d.number(1, 99)),
		Text: "Two processes, neither of them a daemon, run side by side. One is killed in the middle of its work. What " +
			"does the other do?",
		Choices: []string{"it comes to its end", "it is ended at once", "it stays, and never ends"},
		fails:   true,
		answer: func(r *Run) (string, error) {
			switch {
			case len(r.Left) > 0:
				return "it stays, and never ends", nil
			case len(r.all(`^Exiting \w+$`)) == 1:
				return "it comes to its end", nil
			}
			_, err := r.told(`(0) of the 2 processes came to their end`)
			return "it is ended at once", err
		},
		explain: func(r *Run) string {
			hit := r.seen(`^Fault +: kill, in (\w+),`)
			return fmt.Sprintf("%s was killed; the two share a parent, and nothing else that one could break for the other. The "+
				"parent learns of it from Join, and here makes it its own exit code, %d. Python's main program joins "+
				"both at its end, looks at no exit code, and ends with 0.", hit, r.Code)
		},
	}
}

func killingStopped(*draw) Question {
	const onlyKill, onlyTerm, both, none = "only SIGKILL does", "only SIGTERM does", "both do", "neither does"
	return Question{
		Args: words("killing_processes --fault stop"),
		Text: "Two processes are stopped by SIGSTOP. The first is sent SIGTERM, the second SIGKILL. Which signal ends a process " +
			"that is stopped, before it is continued?",
		Choices: []string{onlyKill, onlyTerm, both, none},
		answer: func(r *Run) (string, error) {
			alive, err := r.first(`^Process a step later: <Process name='Process-1' .*> (\w+)$`)
			if err != nil {
				return "", err
			}
			next, err := r.told(`Process killed: <Process name='Process-2' [^>]*> \w+ Process (joined|continued):`)
			answer := map[[2]string]string{
				{"False", "joined"}: both, {"False", "continued"}: onlyTerm,
				{"True", "joined"}: onlyKill, {"True", "continued"}: none,
			}[[2]string{alive, next}]
			return answer, err
		},
		explain: func(*Run) string {
			return "A signal that a process may catch has to wait until it can run: SIGTERM stays pending, and ends it with " +
				"SIGCONT. SIGKILL is the system's own business, and needs nothing of the process. So a grace period after " +
				"SIGTERM is lost on a process that is stopped."
		},
	}
}
