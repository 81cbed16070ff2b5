package word

import (
	"context"
	"errors"
	"sync/atomic"
)

// ErrBroken is what waiting at a broken barrier gives.
var ErrBroken = errors.New("barrier is broken")

// The state of a barrier is one 64-bit word, so that each change of it is one
// compare-and-swap and a party that is killed leaves no half of one:
//
//	bits 0-13   how many have arrived in this round
//	bit 14      broken
//	bit 15      someone may be asleep on the lower half
//	bits 16-31  the round, modulo 2^16
//	bits 32-63  bit 32+(r mod 32): round r was ended by Reset, not by the last party
//
// Waiters sleep on the lower half. Who ends or breaks a round takes the mark of
// the sleepers away and wakes them. The upper half tells a waiter that wakes
// late how its round ended.
//
// Where there is an action, the last party to arrive is counted too, and ends
// the round after it. Until then those who come for the next round wait.
const (
	arrivedMask  = 1<<14 - 1
	brokenBit    = 1 << 14
	barrierSleep = 1 << 15
	roundShift   = 16
	roundMask    = 1<<16 - 1

	// MaxParties is the largest number of parties of a barrier.
	MaxParties = arrivedMask
)

// A Barrier makes a number of parties wait for each other, round after round.
type Barrier struct {
	state   *atomic.Uint64
	low     *atomic.Uint32
	parties uint32
	local   *Local
	// Action is what the last party to arrive does before any goes on; nil for
	// nothing. It is the same with all parties.
	Action func() error
}

// BarrierAt is the barrier of that many parties in state, whose low half is low.
func BarrierAt(state *atomic.Uint64, low *atomic.Uint32, parties uint32, local *Local) Barrier {
	return Barrier{state: state, low: low, parties: parties, local: local}
}

// wake wakes the sleepers, if v, which was replaced, had their mark.
func (b Barrier) wake(env Env, v uint64) {
	if v&barrierSleep != 0 {
		env.Wake(b.low)
	}
}

func round(v uint64) uint64   { return v >> roundShift & roundMask }
func arrived(v uint64) uint32 { return uint32(v) & arrivedMask }

// next is the state at the start of the round after that of v.
func next(v uint64, reset bool) uint64 {
	r := round(v)
	mark := uint64(1) << (32 + r%32)
	history := v >> 32 << 32 &^ mark
	if reset {
		history |= mark
	}
	return history | (r+1)&roundMask<<roundShift
}

// Wait arrives and returns when all parties have. The index is the number of
// parties that had arrived before. A context that ends breaks the barrier,
// unless its round was complete by then. So does an action that fails, whose
// error the last party gets.
func (b Barrier) Wait(ctx context.Context, env Env) (index int, err error) {
	if b.Broken() {
		return 0, ErrBroken
	}
	if err := ctx.Err(); err != nil {
		b.Abort(env)
		return 0, err
	}
	for spin := true; ; {
		v := b.state.Load()
		n := arrived(v)
		switch {
		case v&brokenBit != 0:
			return 0, ErrBroken
		case n >= b.parties: // their action is under way
			if err := b.pause(ctx, env, v, &spin); err != nil {
				b.Abort(env)
				return 0, err
			}
			continue
		}
		last, to := n+1 == b.parties, v+1
		if last && b.Action == nil {
			to = next(v, false)
		}
		if b.local.releases(); !b.state.CompareAndSwap(v, to) {
			continue
		}
		switch {
		case !last:
			return int(n), b.await(ctx, env, round(v))
		case b.Action != nil:
			return int(n), b.act(env, round(v))
		}
		b.wake(env, v)
		b.local.acquired()
		return int(n), nil
	}
}

// act does the action for round r, all of whose parties are there, and ends it.
func (b Barrier) act(env Env, r uint64) error {
	done := false
	defer func() {
		if !done { // but failed, or panicked
			b.breakRound(env, r)
		}
	}()
	if err := b.Action(); err != nil {
		return err
	}
	for done = true; ; {
		v := b.state.Load()
		if round(v) != r || v&brokenBit != 0 {
			return ErrBroken // meanwhile, by another
		}
		if b.local.releases(); b.state.CompareAndSwap(v, next(v, false)) {
			b.wake(env, v)
			b.local.acquired()
			return nil
		}
	}
}

func (b Barrier) await(ctx context.Context, env Env, r uint64) error {
	for spin := true; ; {
		v := b.state.Load()
		switch {
		case round(v) != r && v>>(32+r%32)&1 != 0:
			return ErrBroken
		case round(v) != r:
			b.local.acquired()
			return nil
		case v&brokenBit != 0:
			return ErrBroken
		}
		if err := b.pause(ctx, env, v, &spin); err != nil {
			if b.breakRound(env, r) {
				return err
			}
			ctx = context.WithoutCancel(ctx) // the round is over: take its result
		}
	}
}

// pause waits for another state than v. It spins if it should, and if that was
// in vain, says that it should not any more.
func (b Barrier) pause(ctx context.Context, env Env, v uint64, spin *bool) error {
	// The word changes with each arrival: as long as parties come, the
	// others can't be far.
	if *spin = *spin && env.Spin(b.low, uint32(v), int(b.parties)); *spin {
		return nil
	}
	if v&barrierSleep == 0 && !b.state.CompareAndSwap(v, v|barrierSleep) {
		return nil
	}
	_, err := env.Wait(ctx, b.low, uint32(v|barrierSleep))
	return err
}

// breakRound breaks the barrier if it is in round r still.
func (b Barrier) breakRound(env Env, r uint64) bool {
	for {
		v := b.state.Load()
		if round(v) != r {
			return false
		}
		if b.state.CompareAndSwap(v, v&^barrierSleep|brokenBit) {
			b.wake(env, v)
			return true
		}
	}
}

// Abort breaks the barrier: all that wait, and all that come, get ErrBroken.
func (b Barrier) Abort(env Env) {
	for !b.breakRound(env, round(b.state.Load())) {
	}
}

// Reset makes the barrier whole and empty. Those that wait get ErrBroken.
func (b Barrier) Reset(env Env) {
	for {
		v := b.state.Load()
		if b.state.CompareAndSwap(v, next(v, true)) {
			b.wake(env, v)
			return
		}
	}
}

// Waiting is the number of parties that wait; 0 when the barrier is broken.
func (b Barrier) Waiting() int {
	v := b.state.Load()
	if v&brokenBit != 0 {
		return 0
	}
	return int(arrived(v))
}

// Broken reports whether the barrier is broken.
func (b Barrier) Broken() bool { return b.state.Load()&brokenBit != 0 }
