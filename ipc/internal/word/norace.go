//go:build !race

package word

import "unsafe"

const raceEnabled = false

func raceAcquire(unsafe.Pointer) {}
func raceRelease(unsafe.Pointer) {}
