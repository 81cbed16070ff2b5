package pooltest

import (
	"errors"
	"io"
	"strings"

	"github.com/mpbox/mpbox/ipc"
)

// Those that fail are named in their order, and all others are done.
func taskErrors(c *check) { // POOL-45
	for _, chunk := range []int{0, 1, 4} {
		pool := newPool(c, playFunc)
		pool.ChunkSize = chunk
		in := c.acts("square", 20)
		for _, i := range []int{1, 7, 8, 19} {
			in[i].What = "lost"
		}
		got, err := pool.Map(c.ctx, in)
		failed := c.failed(err)
		if len(failed) != 4 || !errors.Is(err, errLost) {
			c.Errorf("chunks of %d: Map() = %v; want that tasks 1, 7, 8 and 19 fail", chunk, err)
		}
		for _, e := range failed {
			if in[e.Index].What != "lost" || e.Attempts != 1 || e.Cause != ipc.CauseError || e.Pid == 0 {
				c.Errorf("chunks of %d: %v, cause %v", chunk, e, e.Cause)
			}
			got[e.Index].N = e.Index * e.Index // was not given
		}
		for i, r := range got {
			if r.N != i*i {
				c.Errorf("chunks of %d: result %d is %+v", chunk, i, r)
			}
		}
		pool.Close()
	}
}

func errorIdentity(c *check) { // POOL-21
	pool := newPool(c, playFunc)
	for what, is := range map[string]error{"lost": errLost, "eof": io.EOF} {
		_, err := pool.Apply(c.ctx, act{what, 5, c.at})
		if e := c.failure(err); !errors.Is(err, is) || !strings.Contains(err.Error(), "act 5: "+is.Error()) || e.Index != 0 {
			c.Errorf("Apply() = %v; want %v", err, is)
		}
		if _, isRemote := errors.AsType[*ipc.RemoteError](err); !isRemote {
			c.Errorf("Apply() = %#v; want a RemoteError", err)
		}
	}
	_, err := pool.Apply(c.ctx, act{"mishap", 5, c.at})
	if m, found := errors.AsType[*mishap](err); !found || m.N != 5 {
		c.Errorf("Apply() = %v; want a mishap", err)
	}
}

func panics(c *check) { // POOL-19
	pool := newPool(c, playFunc)
	in := c.acts("square", 5)
	in[3].What = "panic"
	got, err := pool.Map(c.ctx, in)
	e := c.failure(err)
	r, isRemote := errors.AsType[*ipc.RemoteError](err)
	if !isRemote || e.Index != 3 || e.Cause != ipc.CausePanic || !errors.Is(err, errLost) || !strings.Contains(err.Error(), "act 3") {
		c.Fatalf("Map() = %#v, cause %v", err, e.Cause)
	}
	if !strings.Contains(r.Stack, "acts.go:") || !strings.Contains(r.Stack, "pooltest.fail(") {
		c.Errorf("the stack does not show the line:\n%s", r.Stack)
	}
	if got[4].N != 16 {
		c.Errorf("the task behind gives %+v", got[4])
	}
}

func goexits(c *check) {
	pool := newPool(c, playFunc)
	in := c.acts("square", 5)
	in[3].What = "goexit"
	got, err := pool.Map(c.ctx, in)
	if e := c.failure(err); e.Index != 3 || !strings.Contains(err.Error(), "Goexit") || got[4].N != 16 {
		c.Errorf("Map() = %v, %v", got, err)
	}
}
