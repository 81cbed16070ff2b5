package ipc

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/space"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

// A Value is a variable in shared memory. Use [NewValue]; the zero value does
// not work. It must not be copied, but handed to children in their arguments.
//
// Each of its operations is atomic, and synchronizes before a later one that
// sees its effect, as in sync/atomic. If a process is killed during a Store,
// the value has been stored or it has not: nobody sees a part of it. Values of
// 1, 2, 4 and 8 bytes wait for nobody, and Load never does; values of other
// sizes are stored one at a time. For changes that belong together, all who
// make them hold the Lock that Guard returns. In Python: multiprocessing.Value.
type Value[T any] struct {
	guard  Lock
	of     valueType
	number word.Number  // if a T fits a word
	copies *word.Copies // if it does not
}

// A valueType is what can be done with the type of a value.
type valueType struct {
	kind     reflect.Kind
	integer  bool
	scalar   bool // its bits are it, unlike those of a struct with gaps
	fitsWord bool
}

func typeOf[T any]() valueType {
	k := reflect.TypeFor[T]().Kind()
	return valueType{
		kind:     k,
		integer:  k >= reflect.Int && k <= reflect.Uintptr,
		scalar:   k != reflect.Struct && k != reflect.Array,
		fitsWord: word.FitsWord[T](),
	}
}

// NewValue makes a variable that holds v. It panics if a T is not just its
// bytes: it may be built of numbers, bools, arrays and structs.
func NewValue[T any](v T) (*Value[T], error) {
	mustBeFlat[T]("NewValue")
	var data uint32
	if !word.FitsWord[T]() {
		var err error
		if data, err = dataSize(word.CellWords[T](), 8*word.CopiesCount); err != nil {
			return nil, fmt.Errorf("ipc: value: %w", err)
		}
	}
	h, err := newHandle(space.Shape{Kind: space.Value, Maps: 1, Data: data})
	if err != nil {
		return nil, fmt.Errorf("ipc: value: %w", err)
	}
	x := new(Value[T])
	x.adopt(h)
	x.Store(v)
	return x, nil
}

func (v *Value[T]) held() *space.Handle { return v.guard.h }
func (v *Value[T]) kind() space.Kind    { return space.Value }

// adopt keeps h's memory mapped by the guard, which is garbage when v is.
func (v *Value[T]) adopt(h *space.Handle) {
	v.guard.adopt(h)
	if v.of = typeOf[T](); v.of.fitsWord {
		v.number = h.Number(unsafe.Sizeof(*new(T)))
	} else {
		v.copies = h.Copies()
	}
}

// Load returns the value, or the zero T after Close. In Python: value.
func (v *Value[T]) Load() (x T) {
	switch {
	case v.guard.h.Closed() != nil:
	case v.of.fitsWord:
		x = word.FromBits[T](v.number.Load())
	default:
		var c word.Cell[T]
		v.copies.Load(c.Words())
		x = c.V
	}
	runtime.KeepAlive(v)
	return x
}

// Store makes x the value. After Close it does nothing.
func (v *Value[T]) Store(x T) {
	switch {
	case v.guard.h.Closed() != nil:
	case v.of.fitsWord:
		v.number.Store(word.Bits(x))
	default:
		c := word.Cell[T]{V: x}
		_ = v.copies.Store(context.Background(), v.guard.h, c.Words()) // can fail by Close only
	}
	runtime.KeepAlive(v)
}

// Add adds delta to the value, in one step, and returns the sum. It panics if
// a T is no number. After Close it does nothing and returns 0.
func (v *Value[T]) Add(delta T) (sum T) {
	switch {
	case !v.of.integer && (v.of.kind < reflect.Float32 || v.of.kind > reflect.Complex128):
		panic("ipc: Add to a value of type " + reflect.TypeFor[T]().String() + ", which is no number")
	case v.guard.h.Closed() != nil:
	case v.of.integer:
		sum = word.FromBits[T](v.number.Add(word.Bits(delta)))
	case v.of.fitsWord:
		sum = word.FromBits[T](v.number.Update(func(x uint64) uint64 {
			return word.Bits(plus(v.of.kind, word.FromBits[T](x), delta))
		}))
	default:
		var c word.Cell[T]
		v.update(&c, func() bool { c.V = plus(v.of.kind, c.V, delta); return true })
		sum = c.V
	}
	runtime.KeepAlive(v)
	return sum
}

// plus is x + y of a kind that has no bits to add.
func plus[T any](k reflect.Kind, x, y T) T {
	a, b := unsafe.Pointer(&x), unsafe.Pointer(&y)
	switch k {
	case reflect.Float32:
		*(*float32)(a) += *(*float32)(b)
	case reflect.Float64:
		*(*float64)(a) += *(*float64)(b)
	case reflect.Complex64:
		*(*complex64)(a) += *(*complex64)(b)
	case reflect.Complex128:
		*(*complex128)(a) += *(*complex128)(b)
	}
	return x
}

// CompareAndSwap makes x the value if that is old, in one step, and reports
// whether it was. Numbers are compared bit by bit, structs and arrays as by ==.
// After Close it returns false.
func (v *Value[T]) CompareAndSwap(old, x T) (swapped bool) {
	switch {
	case v.guard.h.Closed() != nil:
	case v.of.fitsWord && v.of.scalar:
		swapped = v.number.CompareAndSwap(word.Bits(old), word.Bits(x))
	case v.of.fitsWord:
		for n := v.number.Load(); !swapped && any(word.FromBits[T](n)) == any(old); n = v.number.Load() {
			swapped = v.number.CompareAndSwap(n, word.Bits(x))
		}
	default:
		c, o := word.Cell[T]{}, word.Cell[T]{V: old}
		v.update(&c, func() bool {
			swapped = any(c.V) == any(old)
			if v.of.scalar {
				swapped = slices.Equal(c.Words(), o.Words())
			}
			c.V = x
			return swapped
		})
	}
	runtime.KeepAlive(v)
	return swapped
}

// update fills c with the value, and makes c the value if f reports true.
func (v *Value[T]) update(c *word.Cell[T], f func() bool) {
	_ = v.copies.Update(context.Background(), v.guard.h, c.Words(), f) // can fail by Close only
}

// Guard is the lock that belongs to the value, for those who agree to hold it
// while they use the value: Load and Store do not ask for it. It is closed
// with the value, and closing it closes the value. In Python: get_lock.
func (v *Value[T]) Guard() *Lock { return &v.guard }

// Close gives up this process's use of the value, and releases its Guard if
// this process holds it. It always returns nil, and can be called again.
func (v *Value[T]) Close() error { return v.guard.Close() }
