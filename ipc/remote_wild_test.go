package ipc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// wildError is a tree with all there is in trees.
func wildError() *RemoteError {
	return newRemoteError(errors.Join(io.EOF,
		&os.PathError{Op: "open", Path: "/x", Err: syscall.ENOENT},
		fmt.Errorf("text: %w", &TaskError{Index: 1, Err: &ExitError{Name: "p", Err: newRemoteError(ErrOwnerDied)}}),
		newRemoteError(errors.New("text")), context.Canceled))
}

// lookThrough looks at all of an error.
func lookThrough(e *RemoteError) {
	_ = fmt.Sprintf("%v", e)
	_ = errors.Is(e, errDamaged)
	_ = errors.As(e, new(*LostTaskError))
}

func TestDamagedRemoteError(t *testing.T) {
	sound := wildError().append(nil, maxTree)
	if e := parseRemoteError(sound); !errors.Is(e, io.EOF) || !errors.Is(e, os.ErrNotExist) ||
		!errors.Is(e, ErrOwnerDied) || !errors.Is(e, context.Canceled) || len(e.Unwrap()) != 5 {
		t.Errorf("what was appended is parsed as %v, %v", e, e.Unwrap())
	}
	for n := range sound {
		if e := parseRemoteError(sound[:n]); e.Msg != errDamaged.Error() {
			t.Errorf("%d of %d bytes are parsed as %v", n, len(sound), e)
		}
		for _, x := range []byte{1, 2, 4, 0x80, 0xff} {
			wild := bytes.Clone(sound)
			wild[n] ^= x
			lookThrough(parseRemoteError(wild))
		}
	}
	if e := parseRemoteError(append(sound, 0)); e.Msg != errDamaged.Error() {
		t.Errorf("bytes that are left over are parsed as %v", e)
	}
}

// Any bytes are an error, which can be looked at and sent on, and takes no
// more memory than they account for.
func FuzzRemoteError(f *testing.F) {
	f.Add(wildError().append(nil, maxTree))
	f.Add(newRemoteError(io.EOF).append(nil, 0))
	f.Add(newRemotePanic(ErrClosed).append(nil, 100))
	f.Add([]byte{0, 0, 0})
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, in []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		e := parseRemoteError(in)
		lookThrough(e)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > uint64(1<<20+len(in)*1000) {
			t.Errorf("an error of %d bytes takes %d bytes of memory", len(in), n)
		}
		again := parseRemoteError(e.append(nil, maxTree))
		if again.Msg != e.Msg || len(again.Unwrap()) != len(e.Unwrap()) {
			t.Errorf("%v, %v is sent on as %v, %v", e, e.Unwrap(), again, again.Unwrap())
		}
		lookThrough(parseRemoteError(newRemoteError(e).append(nil, maxTree)))
	})
}

func TestRemoteErrorFitsItsLimit(t *testing.T) {
	var many []error
	for range 100 {
		many = append(many, io.EOF, &os.PathError{Op: "open", Path: strings.Repeat("x", 100), Err: syscall.EIO})
	}
	e := newRemoteError(errors.Join(many...))
	for _, limit := range []int{0, 10, 100, 1000, maxReport} {
		b := e.append(nil, limit)
		if most := 3*limit + 20; len(b) > most {
			t.Errorf("a limit of %d gives %d bytes; want %d at most", limit, len(b), most)
		}
		cut := parseRemoteError(b)
		if n := len(cut.Unwrap()); (n > 0) != (limit >= 100) || n < min(limit/200, 200) {
			t.Errorf("a limit of %d leaves %d errors", limit, n)
		}
	}
}

// The errors of this package travel, also those that will be added.
func TestKnownErrorsAreAll(t *testing.T) {
	want, have := map[string]bool{}, map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			noteErrors(d, want, have)
		}
	}
	for name := range want {
		if !have[name] {
			t.Errorf("%s is missing in knownErrors", name)
		}
	}
	if len(want) < 10 {
		t.Errorf("found %v only", want)
	}
}

// noteErrors notes which errors d declares, and which it names if it is
// knownErrors.
func noteErrors(d ast.Decl, declared, named map[string]bool) {
	switch d := d.(type) {
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if v, isValue := spec.(*ast.ValueSpec); isValue && d.Tok == token.VAR {
				for _, name := range v.Names {
					if strings.HasPrefix(name.Name, "Err") {
						declared[name.Name] = true
					}
				}
			}
		}
	case *ast.FuncDecl:
		if d.Name.Name == "knownErrors" {
			ast.Inspect(d, func(n ast.Node) bool {
				if id, isIdent := n.(*ast.Ident); isIdent {
					named[id.Name] = true
				}
				_, foreign := n.(*ast.SelectorExpr) // os.ErrClosed is not ours
				return !foreign
			})
		}
	}
}
