package word

import "sync/atomic"

// A Number is a value of up to 64 bits in a word. What is above its bits in
// the word means nothing.
type Number struct {
	w     *atomic.Uint64
	mask  uint64
	local *Local
}

// NumberAt is the number of so many bytes in w.
func NumberAt(w *atomic.Uint64, bytes uintptr, local *Local) Number {
	return Number{w, 1<<(8*bytes) - 1, local}
}

// Load is the number.
func (n Number) Load() uint64 {
	v := n.w.Load() & n.mask
	n.local.acquired()
	return v
}

// Store makes it x.
func (n Number) Store(x uint64) {
	n.local.releases()
	n.w.Store(x)
}

// Add adds x, as integers of its size do, and returns the sum.
func (n Number) Add(x uint64) uint64 {
	n.local.releases()
	v := n.w.Add(x) & n.mask
	n.local.acquired()
	return v
}

// CompareAndSwap makes it x if it is old, and reports whether it was.
func (n Number) CompareAndSwap(old, x uint64) bool {
	n.local.releases()
	for {
		v := n.w.Load()
		if v&n.mask != old {
			return false
		}
		if n.w.CompareAndSwap(v, x) {
			n.local.acquired()
			return true
		}
	}
}

// Update makes it what f makes of it, and returns that.
func (n Number) Update(f func(uint64) uint64) uint64 {
	n.local.releases()
	for {
		v := n.w.Load()
		x := f(v & n.mask)
		if n.w.CompareAndSwap(v, x) {
			n.local.acquired()
			return x
		}
	}
}
