//go:build !linux

package applets

// goOnWithoutParent can do nothing here: a process that is stopped when its
// parent is killed has to be continued by hand, unless its terminal does it.
func goOnWithoutParent() {}
