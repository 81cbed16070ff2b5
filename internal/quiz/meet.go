package quiz

import "fmt"

// meetTemplates are about processes that wait for each other.
var meetTemplates = []template{
	{"process_barrier/passed", nil, barrierPassed},
	{"process_barrier/without", nil, barrierWithout},
}

// What the lines of the barrier's applet say.
const (
	arrivedApart = `^with barrier: p1 and p2 arrived (\S+) apart$`
	passedApart  = `^with barrier: p1 and p2 passed (\S+) apart$`
	withoutApart = `^without barrier: p3 and p4 were (\S+) apart$`
)

// inStep says whether the processes came a step apart, as they were meant to.
func inStep(r *Run) error {
	for _, pattern := range []string{arrivedApart, withoutApart} {
		gap, err := r.gap(pattern)
		if err != nil {
			return err
		}
		if gap < 0.5 || gap > 1.5 {
			return errLate
		}
	}
	return nil
}

// How far apart two processes are.
const (
	atOnce   = "far less than a step"
	oneStep  = "about a step"
	twoSteps = "about two steps"
)

// apart answers with how far apart two processes were.
func apart(pattern string) func(*Run) (string, error) {
	return func(r *Run) (string, error) {
		gap, err := r.gap(pattern)
		switch {
		case err != nil:
			return "", err
		case inStep(r) != nil:
			return "", inStep(r)
		case gap < 0.25:
			return atOnce, nil
		case gap > 0.5 && gap < 1.5:
			return oneStep, nil
		case gap > 1.5:
			return twoSteps, nil
		}
		return "", errLate
	}
}

func barrierPassed(*draw) Question {
	return Question{
		Args: words("process_barrier"),
		Text: "p1 comes to a Barrier for two at once, p2 a step later. Then they go on. How far apart in time do they pass " +
			"the barrier?",
		Choices: []string{atOnce, oneStep, twoSteps},
		answer:  apart(passedApart),
		explain: func(r *Run) string {
			arrived := r.seen(arrivedApart)
			passed := r.seen(passedApart)
			return fmt.Sprintf("They arrived %s apart and passed %s apart. p1 was the one that waited: a barrier holds back all "+
				"until the last has come, and lets them go together.", arrived, passed)
		},
	}
}

func barrierWithout(*draw) Question {
	return Question{
		Args: words("process_barrier"),
		Text: "p1 and p2 have a barrier. p3 and p4 have none, but share a Lock with them, under which all four print. p4 comes " +
			"a step later than p3. How far apart are p3 and p4?",
		Choices: []string{atOnce, oneStep, twoSteps},
		answer:  apart(withoutApart),
		explain: func(r *Run) string {
			without := r.seen(withoutApart)
			return fmt.Sprintf("They were %s apart, as late as they came. A lock makes processes take turns, but nobody waits "+
				"for one that has not come yet. To wait for each other takes a barrier, or a message.", without)
		},
	}
}
