package box

import (
	"os"
	"path/filepath"
	"testing"
)

// silent keeps what a command prints out of the test's own output.
func silent(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	out, errs := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = null, null
	t.Cleanup(func() {
		os.Stdout, os.Stderr = out, errs
		null.Close()
	})
}

func TestInstallAndUninstall(t *testing.T) {
	silent(t)
	for _, hard := range []bool{false, true} {
		flags := linkFlags{Prefix: "mp-", Dir: t.TempDir()}
		install := &installCommand{linkFlags: flags, Hard: hard}
		if err := install.run(nil); err != nil {
			t.Fatalf("install, hard=%v: %v", hard, err)
		}
		self, err := executable()
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range flags.paths() {
			info, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			if isSymlink := info.Mode()&os.ModeSymlink != 0; isSymlink == hard || !isLinkTo(path, self) {
				t.Errorf("%s is %v, hard=%v", path, info.Mode(), hard)
			}
		}
		if err := install.run(nil); err != nil {
			t.Errorf("install again: %v", err)
		}
		if err := (&uninstallCommand{flags}).run(nil); err != nil {
			t.Errorf("uninstall: %v", err)
		}
		if left := filesIn(flags.Dir); len(left) != 0 {
			t.Errorf("uninstall left %v", left)
		}
	}
}

func TestInstallMakesNoLinkIfOneCannotBeMade(t *testing.T) {
	silent(t)
	flags := linkFlags{Dir: t.TempDir()}
	last := flags.paths()[len(flags.paths())-1]
	if err := os.WriteFile(last, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (&installCommand{linkFlags: flags}).run(nil); err == nil {
		t.Fatal("install replaced a file")
	}
	if files := filesIn(flags.Dir); len(files) != 1 {
		t.Errorf("install left %v", files)
	}
	if err := (&uninstallCommand{flags}).run(nil); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(last); err != nil || string(text) != "mine" {
		t.Errorf("uninstall touched a file of another: %q, %v", text, err)
	}
	if err := (&installCommand{linkFlags: flags, Force: true}).run(nil); err != nil {
		t.Errorf("install --force: %v", err)
	}
	if files := filesIn(flags.Dir); len(files) != len(flags.paths()) {
		t.Errorf("install --force left %d files", len(files))
	}
}

func TestInstallSparesFolders(t *testing.T) {
	silent(t)
	flags := linkFlags{Dir: t.TempDir()}
	if err := os.Mkdir(flags.paths()[0], 0o700); err != nil {
		t.Fatal(err)
	}
	if err := (&installCommand{linkFlags: flags, Force: true}).run(nil); err == nil {
		t.Error("install --force replaced a folder")
	}
}

func TestIsItself(t *testing.T) {
	dir := t.TempDir()
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	self := filepath.Join(dir, "derom")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if !isItself(filepath.Join(link, "derom"), self) {
		t.Error("a binary is not itself through a link to its folder")
	}
	if isItself(filepath.Join(dir, "myfunc"), self) {
		t.Error("another name is the binary itself")
	}
}
