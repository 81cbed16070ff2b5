package box

import (
	"fmt"
	"strings"

	"github.com/mpbox/mpbox/internal/quiz"
)

// How many lines of a run are shown, of those at its beginning and at its end:
// what an answer is found in mostly stands at the end.
const (
	quizHead = 4
	quizTail = 8
)

// output shows what a run printed, its exit code, and what it left.
func (s *sheet) output(r *quiz.Run) {
	s.write("\n")
	if more := len(r.Lines) - quizHead - quizTail; more < 2 {
		s.lines(r.Lines)
	} else {
		s.lines(r.Lines[:quizHead])
		s.note("(%d more lines)", more)
		s.lines(r.Lines[quizHead+more:])
	}
	s.note("(exit code %d)", r.Code)
	if len(r.Left) > 0 {
		s.note("(still running when it had ended: %s)", strings.Join(r.Left, ", "))
	}
	s.write("\n")
}

// note writes what is ours among the lines of a run.
func (s *sheet) note(format string, args ...any) {
	s.write(s.paint(faint, wrapAfter(strings.Fields(fmt.Sprintf(format, args...)), "  ", "      ", s.columns)))
}

// lines writes lines of a run, indented. What an applet tells in a paragraph,
// behind a label, is wrapped anew if it is too wide.
func (s *sheet) lines(lines []string) {
	const below = "          " // the text behind a label
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case strings.HasPrefix(line, "Seen    :"), strings.HasPrefix(line, "Python  :"):
			for visible(line) > s.columns-2 && i+1 < len(lines) && strings.HasPrefix(lines[i+1], below) {
				i++
				line += " " + strings.TrimSpace(lines[i])
			}
			s.line("  ", "  "+below, line)
		case strings.HasPrefix(line, below):
			s.line("  "+below, "  "+below, strings.TrimPrefix(line, below))
		default:
			s.line("  ", "      ", line)
		}
	}
}

// line writes a line that begins with first. What there is no room for goes on
// below, behind next. The spaces inside stay as they are.
func (s *sheet) line(first, next, text string) {
	bare := strings.TrimLeft(text, " ")
	first += text[:len(text)-len(bare)]
	room := max(s.columns-len(next), 1)
	var words []string
	for word := range strings.SplitSeq(bare, " ") {
		for visible(word) > room {
			cut := string([]rune(word)[:room])
			words, word = append(words, cut), strings.TrimPrefix(word, cut)
		}
		words = append(words, word)
	}
	s.write(wrapAfter(words, first, next, s.columns))
}
