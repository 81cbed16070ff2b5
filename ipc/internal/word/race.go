//go:build race

package word

import (
	"runtime"
	"unsafe"
)

const raceEnabled = true

func raceAcquire(p unsafe.Pointer) { runtime.RaceAcquire(p) }

// raceRelease adds to what others have released, as parties of a barrier do.
func raceRelease(p unsafe.Pointer) { runtime.RaceReleaseMerge(p) }
