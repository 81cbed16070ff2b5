package applets

import "errors"

const pythonKilledAside = "the other is not touched there either. The main program joins both at its end, " +
	"says nothing of exitcode -9, and exits with 0."

// Validate refuses to tell of processes that nobody waits for.
func (c *noDermonCommand) Validate() error {
	if c.Fault != nil && c.NoWait {
		return errors.New("--fault needs a main program that waits: it can't be had with --no-wait")
	}
	return c.Common.Validate()
}

// mishaps draws which of the two processes is hit, and before which of its
// numbers, after the first.
func (c *noDermonCommand) mishaps() (background, other mishap) {
	if c.Fault == nil {
		return
	}
	dice := c.dice()
	if i := 1 + dice.IntN(4); dice.IntN(2) == 0 {
		background = mishap{*c.Fault, i}
	} else {
		other = mishap{*c.Fault, 5 + i}
	}
	return
}
