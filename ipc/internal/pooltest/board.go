package pooltest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// A board is a folder by which a check and its tasks, wherever they are, tell
// each other how far they are. A word is the name of a file in it.
type board string

// pause is between two looks at the board.
const pause = 2 * time.Millisecond

// words joins words with spaces.
func words(w ...any) string { return strings.TrimSpace(fmt.Sprintln(w...)) }

// say puts a word on the board. It may be there several times.
func (b board) say(w ...any) error {

	f, err := os.CreateTemp(string(b), words(w...)+" *")
	if err != nil {
		return err
	}
	return f.Close()
}

// heard are the words that begin so.
func (b board) heard(begin string) (words []string) {
	files, _ := os.ReadDir(string(b)) // the folder goes when the check is over
	for _, f := range files {
		if strings.HasPrefix(f.Name(), begin+" ") {
			words = append(words, f.Name())
		}
	}
	return words
}

// wait waits until there are n words that begin so.
func (b board) wait(ctx context.Context, begin string, n int) ([]string, error) {
	for {
		if words := b.heard(begin); len(words) >= n || ctx.Err() != nil {
			return words, ctx.Err()
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// field is the i-th field of a word, a number.
func field(word string, i int) int {
	var n int
	if fields := strings.Fields(word); i < len(fields) {
		_, _ = fmt.Sscan(fields[i], &n)
	}
	return n
}

// gone reports whether the process has ended, also if nobody has waited for it.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == syscall.ESRCH
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z")
}
