package cluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/cluster"
)

func init() {
	roles["host"] = labHost
	roles["caller"] = labCaller
}

// squareSlowly takes 5 to 10 milliseconds.
func squareSlowly(_ context.Context, n int) (square, error) {
	began := time.Now()
	time.Sleep(5*time.Millisecond + time.Duration(n%6)*time.Millisecond)
	return square{Of: n, Is: n * n, Host: os.Getenv("LAB_HOST"), Pid: os.Getpid(), Began: began}, nil
}

var squareSlowlyFunc = ipc.NewFunc(squareSlowly)

// labHost serves until SIGTERM.
func labHost() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	config := labConfig()
	config.Log = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("host", config.Host)
	return config.Serve(ctx, os.Getenv("LAB_URL"))
}

// labCaller writes each result as a line. When it has given out most tasks, it
// waits for a line on its standard input, and until it hears of two hosts only.
func labCaller() error {
	ctx := context.Background()
	config := labConfig()
	config.Log = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("host", config.Host)
	c, err := config.Open(ctx, os.Getenv("LAB_URL"))
	if err != nil {
		return err
	}
	pool := cluster.NewPool(c, squareSlowlyFunc)
	out := json.NewEncoder(os.Stdout)
	last := entry{Last: true}
	i := 0
	for s, err := range pool.Imap(ctx, labInput(c, &last.Hosts)) {
		e := entry{Index: i, Square: s}
		if err != nil {
			e.Err = err.Error()
		}
		if err := out.Encode(e); err != nil {
			return err
		}
		i++
	}
	pool.Close()
	if err := pool.Join(ctx); err != nil {
		return err
	}
	if err := c.Close(); err != nil {
		return err
	}
	if last.Left, err = awaitEmpty(ctx, config); err != nil {
		return err
	}
	return out.Encode(last)
}

// labInput are the tasks.
func labInput(c *cluster.Cluster, hosts *[]cluster.Host) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range labTasks {
			if i == holdAt {
				var b [1]byte
				_, _ = os.Stdin.Read(b[:])
				*hosts = awaitHosts(c, "second", "third")
			}
			if !yield(i) {
				return
			}
		}
	}
}

// awaitHosts waits until the caller hears of these hosts and no others.
func awaitHosts(c *cluster.Cluster, names ...string) []cluster.Host {
	for {
		hosts := c.Hosts()
		var heard []string
		for _, h := range hosts {
			heard = append(heard, h.Name)
		}
		if slices.Sort(heard); slices.Equal(heard, names) {
			return hosts
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// awaitEmpty waits until nothing is stored: what was done twice may come late,
// but must not stay. It returns how many messages each stream has.
func awaitEmpty(ctx context.Context, config cluster.Config) (map[string]uint64, error) {
	nc, err := nats.Connect(os.Getenv("LAB_URL"), config.Options...)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	for {
		stored := map[string]uint64{}
		var sum uint64
		list := js.ListStreams(ctx)
		for info := range list.Info() {
			stored[info.Config.Name] = info.State.Msgs
			sum += info.State.Msgs
		}
		if err := list.Err(); err != nil {
			return nil, fmt.Errorf("streams: %w", err)
		}
		if sum == 0 {
			return stored, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
}
