package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mpbox/mpbox/ipc"
)

// A Config says how a program takes part in a cluster. The zero value is good.
type Config struct {
	// Name is that of the program. It keeps what is its own on the server apart
	// from that of other programs, whoever starts it, under whatever name. Empty
	// means the name of the executable.
	Name string

	// Options go to [nats.Connect]: credentials, certificates and the like.
	Options []nats.Option

	// Dir is the folder for the state of an embedded server. Empty means one of
	// its own among the system's temporary files, which Close removes.
	Dir string

	// Workers is how many worker processes a host has for each pool; 0 means
	// one for each processor.
	Workers int

	// Host is the name of this host in errors and insights. Empty means that
	// which the system has for it.
	Host string

	// Lease is how long a host or a caller that is not heard of is believed to
	// be there; 0 means 5 seconds. All members should have the same.
	Lease time.Duration

	// Patience is how long calls wait for the server to come back, and for a
	// first host, before they end with [ErrDisconnected] or [ErrNoHosts]; 0
	// means a minute.
	Patience time.Duration

	// Replicas is on how many servers of a NATS cluster the tasks are kept; 0
	// means 1.
	Replicas int

	// Log is told what goes wrong and is mended. nil means nobody.
	Log *slog.Logger
}

// Errors of calls on a cluster, besides those of package ipc.
var (
	// ErrNoHosts ends calls for whose tasks there was no host for as long as
	// Patience.
	ErrNoHosts = errors.New("cluster: there are no hosts")
	// ErrDisconnected ends calls when the server was not there for as long as
	// Patience.
	ErrDisconnected = errors.New("cluster: the server is out of reach")
	// ErrClosed ends calls of pools whose Cluster is closed.
	ErrClosed = errors.New("cluster: closed")
)

// A BuildError says that another executable is at work under the name of this
// program. Functions are known by their names, and values travel as the bytes
// that they are in memory, so that one build can't work for another.
type BuildError struct {
	Name         string // of the program
	Mine, Theirs string // the first digits of the SHA-256 of the executables
	Where        string // who has theirs
}

// Error names both builds.
func (e *BuildError) Error() string {
	return fmt.Sprintf("cluster: this is build %s of %q, and %s is build %s: all must run the same executable, or use another Config.Name",
		e.Mine, e.Name, e.Where, e.Theirs)
}

const (
	usualLease    = 5 * time.Second
	usualPatience = time.Minute
	minLease      = 200 * time.Millisecond
)

// complete fills in what is not given.
func (c Config) complete() (Config, error) {
	switch {
	case c.Workers < 0:
		return c, fmt.Errorf("cluster: %d workers", c.Workers)
	case c.Replicas < 0:
		return c, fmt.Errorf("cluster: %d replicas", c.Replicas)
	case c.Patience < 0:
		return c, fmt.Errorf("cluster: a patience of %v", c.Patience)
	case c.Lease < 0 || c.Lease > 0 && c.Lease < minLease:
		return c, fmt.Errorf("cluster: a lease of %v is less than %v", c.Lease, minLease)
	}
	if c.Name == "" {
		path, err := os.Executable()
		if err != nil {
			return c, fmt.Errorf("cluster: name of the program: %w", err)
		}
		c.Name = filepath.Base(path)
	}
	if c.Host == "" {
		name, err := os.Hostname()
		if err != nil {
			return c, fmt.Errorf("cluster: name of the host: %w", err)
		}
		c.Host = name
	}
	if c.Workers == 0 {
		c.Workers = ipc.CPUs()
	}
	if c.Lease == 0 {
		c.Lease = usualLease
	}
	if c.Patience == 0 {
		c.Patience = usualPatience
	}
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// token makes a part of a subject, or of a stream's name, of any name.
func token(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		}
		return '_'
	}, name)
}

// build is what tells this executable from others.
var build = sync.OnceValues(func() (string, error) {
	f, err := os.Open("/proc/self/exe") // also when it was replaced
	if err != nil {
		var path string
		if path, err = os.Executable(); err == nil {
			f, err = os.Open(path)
		}
	}
	if err != nil {
		return "", fmt.Errorf("cluster: build of this executable: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("cluster: build of this executable: %w", err)
	}
	const digits = 16
	return hex.EncodeToString(h.Sum(nil))[:digits], nil
})

// pause waits, and reports whether ctx is not over.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
