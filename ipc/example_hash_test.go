package ipc_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// A fileSum is the hash of a file.
type fileSum struct {
	Name string
	Size int64
	Sum  [sha256.Size]byte
}

// Each worker opens the folder once, and its tasks can't leave it.
func openFolder(_ context.Context, dir string) (*os.Root, error) { return os.OpenRoot(dir) }

func closeFolder(_ context.Context, root *os.Root) error { return root.Close() }

var folderSetup = ipc.NewSetup(openFolder, closeFolder)

// hashFile hashes a file of the folder, as long as the context lets it.
func hashFile(ctx context.Context, name string) (fileSum, error) {
	f, err := ipc.State[*os.Root](ctx).Open(name)
	if err != nil {
		return fileSum{}, err
	}
	defer f.Close()
	hash := sha256.New()
	s := fileSum{Name: name}
	for {
		n, err := io.CopyN(hash, f, 1<<20)
		s.Size += n
		if err == io.EOF {
			copy(s.Sum[:], hash.Sum(nil))
			return s, nil
		}
		if err != nil {
			return s, err
		}
		if ctx.Err() != nil { // Ctrl-C, or too long
			return s, ctx.Err()
		}
	}
}

var hashFileFunc = ipc.NewFunc(hashFile)

// filesIn are the names of all files below the folder, in lexical order. They
// are looked up as fast as they are hashed.
func filesIn(dir string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		_ = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
			if (err != nil || d.Type().IsRegular()) && !yield(name, err) {
				return fs.SkipAll
			}
			return nil
		})
	}
}

// hashFolder prints the hashes of all files, and tells which it can't read. A
// folder that it can't read is the end, as is that of the context.
func hashFolder(ctx context.Context, dir string) error {
	pool := ipc.NewPool(hashFileFunc, ipc.CPUs())
	defer func() {
		pool.Terminate()
		_ = pool.Join(context.Background()) // not even one that was about to start is left
	}()
	pool.Setup = folderSetup.With(dir)
	pool.Limits = ipc.Limits{Nice: 10, Files: 64, CPU: time.Hour}
	pool.Timeout = 10 * time.Minute // a file on a server that is gone
	pool.Progress = ipc.ShowProgress(os.Stderr)
	for s, err := range pool.ImapFrom(ctx, filesIn(dir)) {
		if failed, ok := errors.AsType[*ipc.TaskError](err); ok {
			fmt.Println(failed)
			continue
		}
		if err != nil {
			return err
		}
		fmt.Printf("%x...  %d  %s\n", s.Sum[:4], s.Size, s.Name)
	}
	return nil
}

// A program hashes all files of a folder, several at a time, shows how far it
// is if it runs on a terminal, and ends at Ctrl-C.
func Example_hash() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "hash-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{"a": "", "b": "hello", "c": "hello, world"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(hashFolder(ctx, dir))
	// Output:
	// e3b0c442...  0  a
	// 2cf24dba...  5  b
	// 09ca7e4e...  12  c
	// <nil>
}
