package quiz

import (
	"fmt"
	"strings"
)

// endTemplates are about how processes end, and who waits for whom.
var endTemplates = []template{
	{"derom/parts", []string{"daemons"}, deromParts},
	{"derom/last", []string{"daemons"}, deromLast},
	{"derom/left", []string{"daemons"}, deromLeft},
	{"no_bg_process/who", []string{"daemons"}, noBgWho},
	{"no_bg_process/code", []string{"exit_codes"}, noBgCode},
	{"no_bg_process/status", []string{"exit_codes"}, noBgStatus},
	{"run_bgprocess_no_dermon/numbers", []string{"daemons"}, noDermonNumbers},
	{"run_bgprocess_no_dermon/left", []string{"daemons"}, noDermonLeft},
	{"run_bgprocess_no_dermon/parent", []string{"daemons"}, noDermonParent},
	{"killing_processes/code", []string{"exit_codes"}, killingCode},
	{"killing_processes/status", []string{"exit_codes"}, killingStatus},
	{"killing_processes/ignored", nil, killingIgnored},
	{"killing_processes/joined", nil, killingJoined},
}

const mainEnds = "The main program ends here"

func deromParts(*draw) Question {
	return Question{
		Args: words("derom"),
		Text: "A daemon beats for ever; another process, which is none, has work in 6 parts, a step each. The main program " +
			"ends after two and a half steps. How many of the 6 parts get done?",
		Choices: numbers(2, 3, 6, 0),
		answer:  howMany(`^non-daemon: part \d of 6 is done$`),
		explain: func(*Run) string {
			return "At its end the main program joins its children that are no daemons: it waits until the work is done. Only " +
				"the daemon, which nobody waits for, is ended with it."
		},
	}
}

func deromLast(*draw) Question {
	return Question{
		Args: words("derom"),
		Text: "A daemon beats for ever; a process that is none has work for six steps; the main program says after two and " +
			"a half that it ends. Which line is the last?",
		Choices: []string{mainEnds, "Exiting non-daemon process", "Exiting daemon process", changes},
		answer: func(r *Run) (string, error) {
			if r.last() == mainEnds { // when the work was already done
				return "", errLate
			}
			return r.last(), nil
		},
		explain: func(r *Run) string {
			return fmt.Sprintf("After that line the main program waits for the non-daemon, and the daemon is ended by SIGTERM, "+
				"in the middle of its loop: it says no good-bye. It got as far as heartbeat %d.",
				len(r.all(`^daemon: heartbeat`)))
		},
	}
}

func deromLeft(*draw) Question {
	return Question{
		Args: words("derom"),
		Text: "One child is a daemon whose loop has no end, one has work for longer than the main program. When the shell's " +
			"prompt is back, which processes of it still run?",
		Choices: []string{"none", "the daemon", "the non-daemon", "both"},
		answer: func(r *Run) (string, error) {
			return map[string]string{
				"": "none", "daemon": "the daemon", "non-daemon": "the non-daemon", "daemon, non-daemon": "both",
			}[strings.Join(r.Left, ", ")], nil
		},
		explain: func(*Run) string {
			return "A daemon of multiprocessing is not one of Unix, that is left in the background: it is ended when the main " +
				"program ends. And that is not before the other has finished. So nothing is left of either."
		},
	}
}

// The two processes of no_bg_process and run_bgprocess_no_dermon.
const (
	background   = "background_process"
	noBackground = "NO_background_process"
)

func noBgFlags(d *draw) (flags, daemon string) {
	if d.IntN(2) == 0 {
		return "", background
	}
	return "--flip", noBackground
}

func noBgWho(d *draw) Question {
	flags, daemon := noBgFlags(d)
	return Question{
		Args: words("no_bg_process %s", flags),
		Text: fmt.Sprintf("%s and %s print five numbers each. Only %s has the daemon attribute. The main program ends when "+
			"that one has printed two. Which of them does not come to its end?", background, noBackground, daemon),
		Choices: []string{background, noBackground, "both", "none"},
		answer: func(r *Run) (string, error) {
			cut := r.all(`^(\w+): daemon=\w+, cut off, `)
			ended := r.all(`^(\w+): daemon=\w+, came to its end$`)
			switch {
			case len(cut)+len(ended) != 2, len(ended) == 2: // the main program was that late
				return "", errLate
			case len(cut) == 2:
				return "both", nil
			}
			return cut[0], nil
		},
		explain: func(r *Run) string {
			return fmt.Sprintf("The daemon is ended with the main program, the other one is waited for: %d of the ten numbers "+
				"were printed. What a process is called does not matter, only the attribute does.",
				len(r.all(`^---> \d$`)))
		},
	}
}

func noBgCode(d *draw) Question {
	flags, daemon := noBgFlags(d)
	return Question{
		Args: words("no_bg_process %s", flags),
		Text: fmt.Sprintf("%s is a daemon, and is ended in the middle of its loop because the main program ends. With which "+
			"exit code, as its parent sees it?", daemon),
		Choices: numbers(-15, -9, 0, 1),
		answer: func(r *Run) (string, error) {
			if len(r.all(`came to its end$`)) == 2 {
				return "", errLate
			}
			return r.first(`, cut off, exit code (-?\d+)$`)
		},
		explain: func(*Run) string {
			return "Daemons are asked first, by SIGTERM, which is signal 15. A process that a signal has ended had no chance " +
				"to give an exit code of its own; its parent learns the signal, and that is written as a negative " +
				"number. What the process had to tidy up was not tidied up."
		},
	}
}

func noBgStatus(d *draw) Question {
	flags, daemon := noBgFlags(d)
	return Question{
		Args: words("no_bg_process %s", flags),
		Text: fmt.Sprintf("The daemon, %s, is ended by a signal; the other process finishes. What is the exit code of the "+
			"command as a whole, the $? of the shell?", daemon),
		Choices: numbers(0, 1, 143, 15),
		fails:   true,
		answer:  exitCode,
		explain: func(r *Run) string {
			return fmt.Sprintf("Exit code %d: a command's exit code is that of its main program, which did what it was to do. How "+
				"its children ended is for it to know, and to make something of. A shell shows 143, 128 + 15, only if "+
				"SIGTERM has ended the main program itself.", r.Code)
		},
	}
}

func noDermonNumbers(d *draw) Question {
	flags := d.one("", "--no-wait")
	how := "The main program has nothing to do once both are started"
	if flags != "" {
		how = "The main program leaves by os.Exit as soon as both are started"
	}
	return Question{
		Args: words("run_bgprocess_no_dermon %s", flags),
		Text: fmt.Sprintf("Two processes, neither of them a daemon, print five numbers each, one a step. %s. How many of "+
			"the ten numbers are printed?", how),
		Choices: numbers(10, 5, 0, 2),
		answer:  howMany(`^---> \d$`),
		explain: func(*Run) string {
			if flags != "" {
				return "Nothing ends a process that is no daemon when its parent goes: it becomes an orphan and runs on, " +
					"to its end. Its output still goes where the parent's went, so in a terminal it comes after the prompt."
			}
			return "To have nothing more to do is not to have ended: at its end the main program joins all children that are " +
				"no daemons. Nobody has called Join here; ipc.Main does it, as Python does at exit."
		},
	}
}

func noDermonLeft(d *draw) Question {
	flags := d.one("", "--no-wait", "--no-wait")
	how := "comes to its end, and does not call Join"
	if flags != "" {
		how = "leaves by os.Exit as soon as both are started"
	}
	return Question{
		Args: words("run_bgprocess_no_dermon %s", flags),
		Text: fmt.Sprintf("Two processes, neither of them a daemon, have work for five steps. The main program %s. How many "+
			"of the two still run when the shell's prompt is back?", how),
		Choices: numbers(0, 1, 2),
		answer: func(r *Run) (string, error) {
			if len(r.Left) != len(r.all(`: its parent was \d+ and is now \d+$`)) {
				return "", errLate // we were, to look
			}
			return fmt.Sprint(len(r.Left)), nil
		},
		explain: func(r *Run) string {
			if flags == "" {
				return "A main program that returns waits for its children that are no daemons, so the prompt is not back " +
					"before they have ended. With --no-wait it leaves without that."
			}
			return fmt.Sprintf("os.Exit asks nobody. What was left when mpbox had ended: %s. They print to their end. In "+
				"Python it is os._exit, or a signal, that skips the waiting.", strings.Join(r.Left, " and "))
		},
	}
}

func noDermonParent(*draw) Question {
	const same, adopted, none = "the pid of mpbox, as before", "that of a process that adopts it", "0, as it has none"
	return Question{
		Args: words("run_bgprocess_no_dermon --no-wait"),
		Text: "The main program leaves at once, and its children run on. At their end each asks for the pid of its parent. " +
			"What does it get?",
		Choices: []string{same, adopted, none},
		answer: func(r *Run) (string, error) {
			now, err := r.first(`: its parent was \d+ and is now (\d+)$`)
			switch now {
			case "":
				return "", err
			case fmt.Sprint(r.Pid):
				return same, nil
			case "0":
				return none, nil
			}
			return adopted, nil
		},
		explain: func(r *Run) string {
			now := r.seen(`: its parent was \d+ and is now (\d+)$`)
			return fmt.Sprintf("Mpbox was process %d. When it had gone, its children were given to process %s: an orphan gets a "+
				"new parent, mostly process 1, so that there is somebody to ask how it ended. Else it would stay in "+
				"the table as a zombie.", r.Pid, now)
		},
	}
}

// killingFlags are the three ways to run killing_processes.
func killingFlags(d *draw) (flags, what string) {
	switch d.IntN(3) {
	case 0:
		return "", "A process is terminated while it works"
	case 1:
		return "--kill", "A process is killed while it works"
	}
	return "--ignore-term", "A process ignores SIGTERM. It is terminated, and a step later killed"
}

func killingCode(d *draw) Question {
	flags, what := killingFlags(d)
	return Question{
		Args:    words("killing_processes %s", flags),
		Text:    what + ", and joined. Which exit code does its parent see?",
		Choices: numbers(-15, -9, 143, 1),
		answer:  firstOf(`^Process exit code: (-?\d+)$`),
		explain: func(r *Run) string {
			code := r.seen(`^Process exit code: (-?\d+)$`)
			return fmt.Sprintf("%s is the number of the signal that ended it, negated. Terminate sends SIGTERM, 15, which a "+
				"process may catch or ignore; Kill sends SIGKILL, 9, which it may not. A shell would show 128 plus the "+
				"number for such a command.", code)
		},
	}
}

func killingStatus(d *draw) Question {
	flags, what := killingFlags(d)
	return Question{
		Args:    words("killing_processes %s", flags),
		Text:    what + ", and joined by the main program. What is the exit code of the command as a whole, the $? of the shell?",
		Choices: numbers(0, 1, 137, 143),
		fails:   true,
		answer:  exitCode,
		explain: func(r *Run) string {
			code := r.seen(`^Process exit code: (-?\d+)$`)
			return fmt.Sprintf("The child's exit code was %s, the main program's is %d: it wanted the child to end that way. "+
				"Nothing passes a code on from child to parent unless the parent does.", code, r.Code)
		},
	}
}

func killingIgnored(*draw) Question {
	return Question{
		Args: words("killing_processes --ignore-term"),
		Text: "A process that ignores SIGTERM is terminated. A step later, what does its parent see: in which state is it, " +
			"and what does IsAlive return?",
		Choices: []string{"started, True", "started, False", "stopped, False", "stopped, True"},
		answer: func(r *Run) (string, error) {
			state, err := r.first(`^Process a step later: <.* (\w+)(?: exitcode=\S+)?> \w+$`)
			if err != nil {
				return "", err
			}
			alive, err := r.first(`^Process a step later: <.*> (\w+)$`)
			return state + ", " + alive, err
		},
		explain: func(r *Run) string {
			code := r.seen(`^Process exit code: (-?\d+)$`)
			return fmt.Sprintf("SIGTERM asks, and this process does not listen; that Terminate returned no error says that "+
				"the signal was sent. Only SIGKILL ends it, since no process can ignore that: exit code %s.", code)
		},
	}
}

func killingJoined(d *draw) Question {
	flags, what := killingFlags(d)
	return Question{
		Args:    words("killing_processes %s", flags),
		Text:    what + ". After it was joined, the process is printed once more. What does its text say at the end?",
		Choices: []string{"started", "stopped exitcode=-SIGTERM", "stopped exitcode=-SIGKILL", "stopped exitcode=0"},
		answer:  firstOf(`^Process joined: <.* (\w+(?: exitcode=\S+)?)> \w+$`),
		explain: func(r *Run) string {
			alive := r.seen(`^Process joined: <.*> (\w+)$`)
			return fmt.Sprintf("Join returns when the process has ended and its parent knows how. From then on IsAlive is %s and "+
				"the exit code is there: -SIGTERM is -15, -SIGKILL is -9.", alive)
		},
	}
}
