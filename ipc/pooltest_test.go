package ipc_test

import (
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/pooltest"
)

// The promises of a pool, which other backends keep too.
func TestPoolSuite(t *testing.T) {
	guardFor(t, 5*time.Minute)
	pooltest.Run(t, pooltest.Backend{Workers: 3})
}
