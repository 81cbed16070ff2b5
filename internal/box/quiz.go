package box

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"time"

	"github.com/mpbox/mpbox/applets"
	"github.com/mpbox/mpbox/internal/quiz"
)

// quizLength is how many questions there are unless somebody says.
const quizLength = 5

// A quizCommand is mpbox quiz [TOPIC].
type quizCommand struct {
	Topic  *string         `arg:"" optional:"" help:"An applet, its short name, or a concept."`
	Seed   *applets.Number `short:"s" help:"What draws the questions and their numbers; the same seed, the same quiz." placeholder:"N"`
	Number *applets.Number `short:"n" help:"How many questions; else 5, or with a topic all about it." placeholder:"N"`
	Check  bool            `short:"c" help:"Show the questions with their answers, and ask nothing."`
	Step   time.Duration   `help:"The unit of the applets' pauses, 1ms to 10s." default:"50ms" env:"MPBOX_STEP"`
}

func (c *quizCommand) Help() string {
	return "Asks what a run of an applet will show, runs it, and explains what was seen. The answer is a letter, or " +
		"the answer itself; q ends, and so does the end of the input. No answer is stored anywhere: what the run " +
		"shows is right. The exit code is 0 whatever the score, and 1 if a run was not as it should be.\n\nExamples:\n\n" +
		"    mpbox quiz barrier\n    mpbox quiz -n 10 -s 7\n    mpbox quiz --check daemons"
}

// Validate is called by kong; its error is a usage error.
func (c *quizCommand) Validate() error {
	switch {
	case c.Topic != nil && *c.Topic == "":
		return errors.New("the name of the topic is empty")
	case c.Step < time.Millisecond || c.Step > 10*time.Second:
		return fmt.Errorf("--step (or MPBOX_STEP) must be 1ms to 10s, not %v", c.Step)
	}
	return nil
}

func (c *quizCommand) run(*Box) error {
	if c.Seed == nil {
		seed := applets.Number(rand.IntN(1_000_000))
		c.Seed = &seed
	}
	page, err := c.page()
	if err != nil {
		return err
	}
	questions, err := c.choose(quiz.All(int64(*c.Seed), page))
	if err != nil {
		return err
	}
	self, err := executable()
	if err != nil {
		return err
	}
	return underGuard(func(ctx context.Context) error {
		err := c.ask(ctx, &quiz.Box{Path: self, Step: c.Step}, questions)
		if errors.Is(err, syscall.EPIPE) {
			return &refusal{code: exitSignal + int(syscall.SIGPIPE)} // nobody reads on: nothing to say
		}
		return err
	}, 0)
}

// page is the name of the page that the topic means, or "".
func (c *quizCommand) page() (string, error) {
	if c.Topic == nil {
		return "", nil
	}
	page, ok := pageOf(*c.Topic)
	if !ok {
		hint := "`mpbox explain` shows all topics."
		return "", notFound(*c.Topic, "no such topic", nearest(fold(*c.Topic), topicNames()), hint)
	}
	return page, nil
}

// choose picks the questions to ask from those that there are.
func (c *quizCommand) choose(all []quiz.Question) ([]quiz.Question, error) {
	if len(all) == 0 {
		r := usageError("there is no question about %s", *c.Topic)
		r.hint = "There are about: " + strings.Join(quiz.Pages(), ", ")
		return nil, r
	}
	n := applets.Number(len(all))
	switch {
	case c.Number != nil && (*c.Number < 1 || *c.Number > n):
		return nil, usageError("-n must be 1 to %d, as many as there are, not %d", n, *c.Number)
	case c.Number != nil:
		n = *c.Number
	case c.Topic == nil:
		n = quizLength
	default:
		return all, nil
	}
	return quiz.Some(int64(*c.Seed), all, int(n)), nil
}

// again is the command line that asks the same questions.
func (c *quizCommand) again() string {
	words := []string{"mpbox quiz"}
	if c.Topic != nil {
		words = append(words, fold(*c.Topic))
	}
	if c.Number != nil {
		words = append(words, fmt.Sprintf("-n %d", *c.Number))
	}
	return strings.Join(append(words, fmt.Sprintf("-s %d", *c.Seed)), " ")
}

// ask asks the questions, up to the end or until the reader has had enough.
func (c *quizCommand) ask(ctx context.Context, box *quiz.Box, questions []quiz.Question) error {
	r := &quizRound{box: box, sheet: newSheet(), check: c.Check}
	r.prose(fmt.Sprintf("Seed %d: `%s` asks the same again.", *c.Seed, c.again()))
	for i := range questions {
		r.question(&questions[i], i+1, len(questions))
		if err := r.play(ctx, &questions[i]); errors.Is(err, errEnough) {
			break
		} else if err != nil {
			return err
		}
	}
	if !c.Check {
		r.score(r.right, r.asked, len(questions)-r.asked-r.odd)
	}
	if r.odd > 0 && r.err == nil {
		return fmt.Errorf("%s not as expected", count(r.odd, "run was", "runs were"))
	}
	return r.err
}

// A quizRound is a quiz that is under way.
type quizRound struct {
	*sheet
	box   *quiz.Box
	check bool
	asked int // with an answer
	right int
	odd   int // whose run was not as it should be
}

// play waits for the answer to a question, runs the applet, and shows what came
// of it.
func (r *quizRound) play(ctx context.Context, q *quiz.Question) error {
	given := ""
	if !r.check {
		var err error
		if given, err = r.answer(ctx, q); err != nil {
			return err
		}
	}
	result, err := q.Play(ctx, r.box)
	if odd, ok := errors.AsType[*quiz.OddRunError](err); ok {
		r.odd++
		r.strange(odd)
		return r.err
	}
	if err != nil {
		return err
	}
	r.asked++
	if given == result.Answer {
		r.right++
	}
	r.verdict(q, given, result.Answer)
	r.result(q, result)
	return r.err
}
