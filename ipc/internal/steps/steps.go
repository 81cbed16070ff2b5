// Package steps stands in for sync/atomic in tests of package word: before
// each operation on a word the test may let other processes move, or end this
// one. Only tests import it.
package steps

import "sync/atomic"

// Before, if not nil, is called before each operation.
var Before func()

func before() {
	if Before != nil {
		Before()
	}
}

// What is not shared between processes has no steps.
type (
	Bool  = atomic.Bool
	Int32 = atomic.Int32
)

// Uint32 has the methods of [atomic.Uint32].
type Uint32 struct{ v atomic.Uint32 }

func (w *Uint32) Load() uint32            { before(); return w.v.Load() }
func (w *Uint32) Store(v uint32)          { before(); w.v.Store(v) }
func (w *Uint32) Swap(v uint32) uint32    { before(); return w.v.Swap(v) }
func (w *Uint32) Add(delta uint32) uint32 { before(); return w.v.Add(delta) }
func (w *Uint32) And(mask uint32) uint32  { before(); return w.v.And(mask) }
func (w *Uint32) Or(mask uint32) uint32   { before(); return w.v.Or(mask) }
func (w *Uint32) CompareAndSwap(old, new uint32) bool {
	before()
	return w.v.CompareAndSwap(old, new)
}

// Uint64 has the methods of [atomic.Uint64].
type Uint64 struct{ v atomic.Uint64 }

func (w *Uint64) Load() uint64            { before(); return w.v.Load() }
func (w *Uint64) Store(v uint64)          { before(); w.v.Store(v) }
func (w *Uint64) Swap(v uint64) uint64    { before(); return w.v.Swap(v) }
func (w *Uint64) Add(delta uint64) uint64 { before(); return w.v.Add(delta) }
func (w *Uint64) And(mask uint64) uint64  { before(); return w.v.And(mask) }
func (w *Uint64) Or(mask uint64) uint64   { before(); return w.v.Or(mask) }
func (w *Uint64) CompareAndSwap(old, new uint64) bool {
	before()
	return w.v.CompareAndSwap(old, new)
}
