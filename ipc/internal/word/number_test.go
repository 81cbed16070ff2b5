package word

import (
	"math"
	"sync/atomic"
	"testing"
	"unsafe"
)

func TestNumberHasItsSize(t *testing.T) {
	for _, bytes := range []uintptr{1, 2, 4, 8} {
		most := uint64(math.MaxUint64) >> (64 - 8*bytes)
		n := NumberAt(new(atomic.Uint64), bytes, nil)
		n.Store(most)
		if got := n.Load(); got != most {
			t.Errorf("%d bytes: Load() = %#x; want %#x", bytes, got, most)
		}
		if got := n.Add(3); got != 2 || n.Load() != 2 {
			t.Errorf("%d bytes: Add(3) = %#x, then Load() = %#x; want 2", bytes, got, n.Load())
		}
		// What has run over does not count.
		if n.CompareAndSwap(3, 4) || !n.CompareAndSwap(2, most) || n.Load() != most {
			t.Errorf("%d bytes: CompareAndSwap() made %#x of 2; want %#x", bytes, n.Load(), most)
		}
		n.Add(1)
		if got := n.Update(func(x uint64) uint64 { return x + 7 }); got != 7 || n.Load() != 7 {
			t.Errorf("%d bytes: Update() = %#x, then Load() = %#x; want 7", bytes, got, n.Load())
		}
	}
}

func TestBitsThereAndBack(t *testing.T) {
	type gap struct {
		A int8
		B int32
	}
	for _, ok := range []bool{
		FromBits[bool](Bits(true)),
		FromBits[int8](Bits(int8(-5))) == -5,
		FromBits[int16](Bits(int16(math.MinInt16))) == math.MinInt16,
		FromBits[float32](Bits(float32(1.5))) == 1.5,
		FromBits[float64](Bits(math.Inf(-1))) == math.Inf(-1),
		FromBits[gap](Bits(gap{-1, 1 << 20})) == gap{-1, 1 << 20},
		FromBits[[4]int16](Bits([4]int16{1, -2, 3, -4})) == [4]int16{1, -2, 3, -4},
		Bits(int8(-1)) == 0xff,
	} {
		if !ok {
			t.Error("Bits() has lost something")
		}
	}
	if !FitsWord[gap]() || FitsWord[[3]byte]() || FitsWord[struct{}]() || FitsWord[complex128]() {
		t.Error("FitsWord() is wrong")
	}
}

func TestCellHasWordsForAll(t *testing.T) {
	var a Cell[[3]byte]
	a.V = [3]byte{1, 2, 3}
	var b Cell[[17]byte]
	b.V[16] = 9
	var none Cell[struct{}]
	if n, m := len(a.Words()), len(b.Words()); n != 1 || m != 3 || len(none.Words()) != 0 {
		t.Errorf("%d and %d words; want 1 and 3", n, m)
	}
	if a.Words()[0]&0xffffff != 0x030201 || b.Words()[2]&0xff != 9 {
		t.Errorf("words %#x and %#x", a.Words(), b.Words())
	}
	if uintptr(unsafe.Pointer(&b))%8 != 0 || unsafe.Sizeof(b) < 24 {
		t.Errorf("a cell of %d bytes at %p", unsafe.Sizeof(b), &b)
	}
}
