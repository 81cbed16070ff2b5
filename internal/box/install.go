package box

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/mpbox/mpbox/applets"
)

// An installCommand is mpbox install DIR.
type installCommand struct {
	linkFlags
	Hard  bool `help:"Hard links instead of symbolic ones."`
	Force bool `help:"Replace files that are in the way."`
}

func (c *installCommand) Help() string {
	return "Makes a link to this binary for each applet, so that it runs by its own name. Nothing is replaced " +
		"without --force, and no link is made unless all can be.\n\nExamples:\n\n" +
		"    mpbox install ~/bin\n    mpbox install --prefix mp- /usr/local/bin"
}

func (c *installCommand) run(*Box) error {
	self, err := executable()
	if err != nil {
		return err
	}
	todo, err := c.plan(self)
	if err != nil {
		return err
	}
	to, err := c.leadTo(self)
	if err != nil {
		return err
	}
	for i, path := range todo {
		if err := c.place(to, path); err != nil {
			c.undo(todo[:i])
			return linkError(err)
		}
	}
	for _, path := range todo {
		if err := write(os.Stdout, path+" -> "+to+"\n"); err != nil {
			return err
		}
	}
	if len(todo) == 0 {
		fmt.Fprintf(os.Stderr, "mpbox: all links to %s are in %s already\n", self, c.Dir)
	}
	return nil
}

// plan lists the links to make, or says what is in the way of any of them.
func (c *installCommand) plan(self string) ([]string, error) {
	if err := isFolder(c.Dir); err != nil {
		return nil, err
	}
	var todo []string
	for _, path := range c.paths() {
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			todo = append(todo, path)
		case err != nil:
			return nil, err
		case isLinkTo(path, self):
		case info.IsDir():
			return nil, fmt.Errorf("%s is a folder; no link was made", path)
		case !c.Force:
			return nil, &refusal{exitFailed, path + " is in the way; no link was made", "--force replaces it."}
		default:
			todo = append(todo, path)
		}
	}
	return todo, nil
}

// leadTo is what the links say. Symbolic ones are relative, so that they are
// still right when the folder and the binary move together: into a package, or
// to where a disk is mounted.
func (c *installCommand) leadTo(self string) (string, error) {
	if c.Hard {
		return self, nil
	}
	dir, err := filepath.EvalSymlinks(c.Dir)
	if err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	return filepath.Rel(dir, self)
}

// place makes one link. With --force it takes the place of the old file in one
// step, so that the name never points to nothing.
func (c *installCommand) place(to, path string) error {
	if !c.Force {
		return c.link(to, path)
	}
	beside := path + ".mpbox-new"
	if err := c.link(to, beside); err != nil {
		return err
	}
	if err := os.Rename(beside, path); err != nil {
		os.Remove(beside)
		return err
	}
	return nil
}

// link makes a link of the kind that was asked for.
func (c *installCommand) link(to, path string) error {
	if c.Hard {
		return os.Link(to, path)
	}
	return os.Symlink(to, path)
}

// undo removes what was made before a failure. What --force has replaced is
// gone, so those links stay.
func (c *installCommand) undo(made []string) {
	if c.Force {
		return
	}
	for _, path := range made {
		os.Remove(path)
	}
}

// linkError explains the one failure that has nothing to do with the folder.
func linkError(err error) error {
	if errors.Is(err, syscall.EXDEV) {
		return &refusal{exitFailed, oneLine(err), "A hard link cannot lead to another file system: leave out --hard."}
	}
	return err
}

// linkFlags say which links are meant.
type linkFlags struct {
	Prefix string `help:"Put this before each name: mp- or mpbox-." placeholder:"P"`
	Dir    string `arg:"" help:"The folder of the links."`
}

// Validate is called by kong; its error is a usage error. A link with a prefix
// of another kind would not run its applet.
func (f *linkFlags) Validate() error {
	if rest, ok := cutPrefix(f.Prefix); f.Prefix != "" && (!ok || rest != "") {
		return fmt.Errorf("--prefix is mp- or mpbox-, not %q", f.Prefix)
	}
	return nil
}

// paths are the names of the links, in the order of the table.
func (f *linkFlags) paths() []string {
	var paths []string
	for _, a := range applets.All {
		paths = append(paths, filepath.Join(f.Dir, f.Prefix+a.Name))
	}
	return paths
}

// isFolder refuses what is no folder.
func isFolder(dir string) error {
	if dir == "" {
		return usageError("the name of the folder is empty")
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", dir)
	}
	return nil
}

// executable is the absolute path of this binary, through no link.
func executable() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(self)
}

// isLinkTo says whether path is the same file as self, by a symbolic or a hard
// link.
func isLinkTo(path, self string) bool {
	a, err := os.Stat(path)
	if err != nil {
		return false
	}
	b, err := os.Stat(self)
	return err == nil && os.SameFile(a, b)
}
