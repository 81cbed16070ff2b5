//go:build !linux

package ipc_test

import (
	"errors"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

func TestLimitsUnsupported(t *testing.T) {
	guard(t)
	for _, l := range []ipc.Limits{{Memory: 1 << 30}, {CPUs: []int{0}}} {
		p := ipc.NewProcess(noopTarget, ipc.None{})
		p.Limits = l
		if err := p.Start(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Start() with %+v = %v; want ErrUnsupported", l, err)
		}
	}
}
