package ipc

import (
	"io"
	"time"
)

// SetPatience sets how long Stop waits for the stacks of p, which is to be
// started yet.
func (p *Process) SetPatience(d time.Duration) { p.patience = d }

// CancelTask is what a pool does.
func (p *Process) CancelTask(seq uint64) error { return p.cancelTask(seq) }

// OnCancelTask is what a pool's worker does.
func OnCancelTask(f func(seq uint64)) { onCancelTask(f) }

// ReadLetters reads all letters.
func ReadLetters(r io.Reader) (texts int) {
	for {
		_, _, text, err := readLetter(r)
		if err != nil {
			return texts
		}
		texts += len(text)
	}
}

// SendJunk sends b to the parent of this process where a letter should be.
func SendJunk(b []byte) error {
	_, err := send(lifeline, b, true)
	return err
}

// MaxEarly is for how many bytes of commands there is room before a child has
// its arguments.
const MaxEarly = maxEarly
