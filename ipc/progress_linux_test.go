package ipc_test

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/mpbox/mpbox/ipc"
)

// terminal makes a terminal of so many columns, and returns it and what is
// behind it.
func terminal(t *testing.T, columns uint16) (tty, behind *os.File) {
	t.Helper()
	behind, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { behind.Close() })
	var number, lock uint32
	size := [4]uint16{24, columns}
	ioctl(t, behind, syscall.TIOCSPTLCK, unsafe.Pointer(&lock))
	ioctl(t, behind, syscall.TIOCGPTN, unsafe.Pointer(&number))
	ioctl(t, behind, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	tty = ok(os.OpenFile("/dev/pts/"+strconv.Itoa(int(number)), os.O_RDWR|syscall.O_NOCTTY, 0))(t)
	t.Cleanup(func() { tty.Close() })
	return tty, behind
}

func ioctl(t *testing.T, f *os.File, request uintptr, arg unsafe.Pointer) {
	t.Helper()
	raw := ok(f.SyscallConn())(t)
	_ = raw.Control(func(fd uintptr) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg)); errno != 0 {
			t.Fatal(errno)
		}
	})
}

// seen is what came to a terminal, up to its last newline.
func seen(t *testing.T, behind *os.File) string {
	t.Helper()
	var got []byte
	for buf := make([]byte, 4096); !strings.HasSuffix(string(got), "\n"); {
		n, err := behind.Read(buf)
		if err != nil {
			t.Fatalf("Read() = %v, after %q", err, got)
		}
		got = append(got, buf[:n]...)
	}
	return string(got)
}

func TestShowProgressOnTerminal(t *testing.T) {
	guard(t)
	for columns, want := range map[uint16]string{
		30: "\r0% [>                   ] 0/3\r100% [===========] 3/3  in 1s\r\n",
		20: "\r0% [>         ] 0/3\r100% 3/3  in 1s    \r\n",
		0:  "\r0% [>                             ] 0/3\r100% [==============================] 3/3  in 1s\r\n",
	} {
		tty, behind := terminal(t, columns)
		show := ipc.ShowProgress(tty)
		show(ipc.Progress{Total: 3})
		show(ipc.Progress{Done: 3, Total: 3, Elapsed: time.Second})
		show(ipc.Progress{Done: 3, Total: 3, Elapsed: time.Second}) // shown before
		if got := seen(t, behind); got != want {
			t.Errorf("%d columns: %q came; want %q", columns, got, want)
		}
	}
}

func TestShowProgressClearsTheRest(t *testing.T) {
	guard(t)
	tty, behind := terminal(t, 12)
	show := ipc.ShowProgress(tty)
	show(ipc.Progress{Done: 99, Total: -1})
	show(ipc.Progress{Done: 2, Total: 2})
	if got, want := seen(t, behind), "\r99 done\r100% 2/2\r\n"; got != want {
		t.Errorf("%q came; want %q", got, want)
	}
	show = ipc.ShowProgress(tty)
	show(ipc.Progress{Done: 99999, Total: -1})
	show(ipc.Progress{Failed: 1, Total: 1})
	if got, want := seen(t, behind), "\r99999 done\r100% 1/1  \r\n"; got != want {
		t.Errorf("%q came; want %q", got, want)
	}
}

// Drawings are a tenth of a second apart, but for the last.
func TestShowProgressIsNoFlood(t *testing.T) {
	guard(t)
	tty, behind := terminal(t, 80)
	show := ipc.ShowProgress(tty)
	began := time.Now()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for done := range 10_000 {
				show(ipc.Progress{Done: done, Total: 10_000})
			}
		})
	}
	wg.Wait()
	show(ipc.Progress{Done: 10_000, Total: 10_000})
	most := int(time.Since(began)/(100*time.Millisecond)) + 2
	if got := seen(t, behind); strings.Count(got, "\r") > most+1 || !strings.Contains(got, "10000/10000\r\n") {
		t.Errorf("%q came; want %d drawings at most, and the last", got, most)
	}
}
