package quiz

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// changes is what those expect who think that it is left to chance.
const changes = "that changes from run to run"

// A draw draws the parameters of a question.
type draw struct {
	*rand.Rand
}

// number is low to high, both included.
func (d *draw) number(low, high int) int { return low + d.IntN(high-low+1) }

// one of the words.
func (d *draw) one(words ...string) string { return words[d.IntN(len(words))] }

// words are those of a command line. What is formatted must have no spaces.
func words(format string, args ...any) []string {
	return strings.Fields(fmt.Sprintf(format, args...))
}

// numbers are choices that are numbers.
func numbers(all ...int) []string {
	var choices []string
	for _, n := range all {
		choices = append(choices, strconv.Itoa(n))
	}
	return choices
}
