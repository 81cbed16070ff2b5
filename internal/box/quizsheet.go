package box

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mpbox/mpbox/internal/quiz"
)

// The escape sequences of a sheet in colour.
const (
	bold  = "1"
	faint = "2"
	red   = "31"
	green = "32"
)

// A sheet is what a quiz is written on, and answered. The first write that
// fails is kept in err, and nothing is written after it.
type sheet struct {
	columns int
	colour  bool
	prompts bool          // there is a person, at a terminal
	answers <-chan string // what is typed, line by line
	err     error
}

func newSheet() *sheet {
	return &sheet{columns: width(), colour: colour(), prompts: isTerminal(os.Stdin) && isTerminal(os.Stdout)}
}

func (s *sheet) write(text string) {
	if s.err == nil {
		s.err = write(os.Stdout, text)
	}
}

// paint gives a text a colour, if there is any.
func (s *sheet) paint(colour, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// prose writes a paragraph.
func (s *sheet) prose(text string) { s.write(wrap(text, s.columns)) }

// item writes a text behind a mark, with its further lines below it.
func (s *sheet) item(mark, text string) {
	s.write(wrapAfter(strings.Fields(text), mark, strings.Repeat(" ", len(mark)), s.columns))
}

// question asks.
func (s *sheet) question(q *quiz.Question, i, n int) {
	s.write("\n" + s.paint(bold, fmt.Sprintf("%d of %d: %s", i, n, q.Applet())) + "\n\n")
	s.prose(q.Text)
	s.write("\n")
	s.line("    ", "        ", q.Command())
	s.write("\n")
	for _, c := range q.Choices {
		s.item("  "+q.Letter(c)+") ", c)
	}
	s.write("\n")
}

// errEnough is the end of the input, or of the reader's patience.
var errEnough = errors.New("no more answers")

// answer waits for one of the choices.
func (s *sheet) answer(ctx context.Context, q *quiz.Question) (string, error) {
	if s.answers == nil {
		s.answers = typedLines(os.Stdin)
	}
	last := q.Letter(q.Choices[len(q.Choices)-1])
	for s.err == nil {
		if s.prompts {
			s.write(fmt.Sprintf("Answer (a-%s, q ends): ", last))
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case line, ok := <-s.answers:
			if choice, found := q.Choice(line); found {
				return choice, nil
			}
			if !ok && s.prompts {
				s.write("\n") // Ctrl-D leaves the cursor behind the prompt
			}
			if word := strings.ToLower(strings.TrimSpace(line)); !ok || word == "q" || word == "quit" {
				return "", errEnough
			}
			s.prose(fmt.Sprintf("That is none of the choices: type a letter from a to %s, or one of them as it stands. "+
				"q ends the quiz.", last))
		}
	}
	return "", s.err
}

// typedLines hands over the lines of a file, and closes the channel at its end.
// Its goroutine ends with the process: nothing else ends the read of a terminal.
func typedLines(f io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		in := bufio.NewScanner(f) // a line that is too long is the end as well
		for in.Scan() {
			lines <- in.Text()
		}
	}()
	return lines
}

// verdict says if the answer was right. Without one it only says which is.
func (s *sheet) verdict(q *quiz.Question, given, right string) {
	text := q.Letter(right) + ") " + right
	switch given {
	case "":
		s.item(s.paint(bold, "Answer: "), text)
	case right:
		s.item(s.paint(green, "Right: "), text)
	default:
		s.item(s.paint(red, "No: "), "it is "+text)
	}
}

// result shows the run and explains it.
func (s *sheet) result(q *quiz.Question, r *quiz.Result) {
	s.output(r.Run)
	s.prose(r.Why)
	s.write("\n")
	s.prose("More: mpbox explain " + strings.Join(q.Pages, " "))
}

// strange says that a run can't be used.
func (s *sheet) strange(e *quiz.OddRunError) {
	s.prose("This does not count, since the run was not as it should be: " + oneLine(e) + ".")
	s.output(e.Run)
}

// score says how it went.
func (s *sheet) score(right, asked, left int) {
	text := fmt.Sprintf("%d of %d right", right, asked)
	if left > 0 {
		text += fmt.Sprintf(", %d not asked", left)
	}
	s.write("\n" + s.paint(bold, text+".") + "\n")
}
