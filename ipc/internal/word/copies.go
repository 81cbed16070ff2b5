package word

import (
	"context"
	"sync/atomic"
)

// Copies keeps a value that fits no word, in several copies of which one is
// valid. Who stores writes the next copy and then counts Turn up by one: so a
// load sees a whole value, whoever is killed in the middle of a store, and
// waits for nobody.
//
// A load is in vain if its copy was written again meanwhile. That takes as many
// stores as there are other copies: with two copies, one that loads beside one
// that stores without a pause would hardly ever get through.
type Copies struct {
	Turn  *atomic.Uint64  // how many stores there were; the copy modulo their number is valid
	Words []atomic.Uint64 // the copies, one behind the other
	Lock  Mutex           // of those who store
	Local *Local
}

// CopiesCount is how many copies there are.
const CopiesCount = 4

func (c *Copies) at(turn uint64) []atomic.Uint64 {
	n := uint64(len(c.Words) / CopiesCount)
	i := turn % CopiesCount * n
	return c.Words[i : i+n]
}

// Load fills to, which is as long as a copy.
func (c *Copies) Load(to []uint64) {
	for !c.load(c.Turn.Load(), to) {
	}
	c.Local.acquired()
}

// load fills to with the copy that was valid at turn, and reports whether it
// has not been written again since.
func (c *Copies) load(turn uint64, to []uint64) bool {
	words := c.at(turn)
	for i := range to {
		to[i] = words[i].Load()
	}
	// The words above are loaded before Turn is. They are written again only
	// from when Turn is about to come round to them.
	return c.Turn.Load()-turn < CopiesCount-1
}

// Store makes from the value.
func (c *Copies) Store(ctx context.Context, env Env, from []uint64) error {
	// One who died with the lock has left a copy that is not valid.
	if _, err := c.Lock.Lock(ctx, env); err != nil {
		return err
	}
	c.put(from)
	c.Lock.Unlock(env)
	return nil
}

func (c *Copies) put(from []uint64) {
	turn := c.Turn.Load()
	words := c.at(turn + 1)
	for i, x := range from {
		words[i].Store(x)
	}
	c.Local.releases()
	c.Turn.Store(turn + 1) // pairs with the loads in load
}

// Update makes x the value of what f makes of x, which it has filled with the
// value of now, unless f reports false. No other store comes in between.
func (c *Copies) Update(ctx context.Context, env Env, x []uint64, f func() bool) error {
	if _, err := c.Lock.Lock(ctx, env); err != nil {
		return err
	}
	if c.Load(x); f() {
		c.put(x)
	}
	c.Lock.Unlock(env)
	return nil
}
