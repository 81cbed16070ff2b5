package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// A picture is what a file is decoded to.
type picture struct{ Width, Height int }

// decodePicture stands for a call into a library in C. Some input crashes it,
// and no recover in Go helps against SIGSEGV.
func decodePicture(_ context.Context, data string) (p picture, err error) {
	if data == "\xff\xff" {
		_ = syscall.Kill(os.Getpid(), syscall.SIGSEGV)
		select {} // until it arrives
	}
	if _, err := fmt.Sscanf(data, "%dx%d", &p.Width, &p.Height); err != nil {
		return p, fmt.Errorf("no picture: %w", err)
	}
	return p, nil
}

var decodePictureFunc = ipc.NewFunc(decodePicture)

// A decoder calls decodePicture in a process of its own, which it uses until
// a call crashes it.
type decoder struct{ pool *ipc.Pool[string, picture] }

func newDecoder() decoder {
	pool := ipc.NewPool(decodePictureFunc, 1)
	pool.Timeout = time.Minute // it could also hang
	pool.Stderr = io.Discard   // what a crash writes: the error has the end of it
	return decoder{pool}
}

func (d decoder) decode(ctx context.Context, data string) (picture, error) {
	return d.pool.Apply(ctx, data)
}

func (d decoder) close() error {
	d.pool.Terminate()
	return d.pool.Join(context.Background())
}

// A program calls code that may crash. The crash costs one error, and the
// program goes on.
func Example_crash() {
	d := newDecoder()
	defer d.close()
	for _, data := range []string{"640x480", "\xff\xff", "large", "16x16"} {
		p, err := d.decode(context.Background(), data)
		failed, _ := errors.AsType[*ipc.TaskError](err)
		switch {
		case err == nil:
			fmt.Println("a picture of", p.Width, "by", p.Height)
		case failed != nil && failed.Cause == ipc.CauseCrash:
			fmt.Printf("%q crashes the library\n", data)
		default:
			fmt.Printf("%q: %v\n", data, err)
		}
	}
	// Output:
	// a picture of 640 by 480
	// "\xff\xff" crashes the library
	// "large": ipc: task 0: no picture: expected integer
	// a picture of 16 by 16
}
