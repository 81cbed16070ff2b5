package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// An embedded server is a JetStream server in this process. It has no socket.
type embedded struct {
	*server.Server
	dir  string // to be removed, empty for none
	lock *os.File
}

// startTime is how long the server may take to start.
const startTime = 20 * time.Second

func startEmbedded(c Config) (_ *embedded, err error) {
	e := new(embedded)
	defer func() {
		if err != nil {
			e.stop()
		}
	}()
	dir := c.Dir
	if dir == "" {
		dir, err = e.makeDir()
	} else if err = os.MkdirAll(dir, 0o700); err == nil {
		e.lock, err = lockDir(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("cluster: folder for the server: %w", err)
	}
	s, err := server.NewServer(&server.Options{
		ServerName: token(c.Host), DontListen: true, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true,
	})
	if err != nil {
		return nil, fmt.Errorf("cluster: embedded server: %w", err)
	}
	e.Server = s
	go s.Start()
	if !s.ReadyForConnections(startTime) {
		return nil, errors.New("cluster: the embedded server does not start")
	}
	return e, nil
}

// makeDir makes a folder for this process, and removes those that killed ones have
// left.
func (e *embedded) makeDir() (dir string, err error) {
	sweep()
	const tries = 10 // another process may sweep, too
	for range tries {
		if dir, err = os.MkdirTemp("", stateName+"*"); err != nil {
			return "", err
		}
		if e.lock, err = lockDir(dir); err == nil {
			e.dir = dir
			return dir, nil
		}
	}
	return "", err
}

func (e *embedded) stop() {
	if e.Server != nil {
		e.Shutdown()
		e.WaitForShutdown()
	}
	if e.dir != "" {
		_ = os.RemoveAll(e.dir)
	}
	if e.lock != nil {
		_ = e.lock.Close()
	}
}

const (
	stateName = "cluster-ipc-"
	lockName  = "lock"
)

// lockDir locks a folder for as long as the file is open: for the life of this
// process at most.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is in use by another process: %w", dir, err)
	}
	ours, err := f.Stat()
	if err == nil {
		var there os.FileInfo
		if there, err = os.Stat(f.Name()); err == nil && !os.SameFile(ours, there) {
			err = errSwept
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// errSwept says that a new folder was taken for one that a killed process has left.
var errSwept = errors.New("the folder was removed by another process")

// sweep removes the folders of processes that were killed.
func sweep() {
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), stateName+"*", lockName))
	for _, name := range left {
		dir := filepath.Dir(name)
		if f, err := lockDir(dir); err == nil {
			_ = os.RemoveAll(dir)
			f.Close()
		}
	}
}
