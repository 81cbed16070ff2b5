package box

import (
	"fmt"
	"os"
	"path/filepath"
)

// An uninstallCommand is mpbox uninstall DIR.
type uninstallCommand struct {
	linkFlags
}

func (c *uninstallCommand) Help() string {
	return "Removes the links that install made, and only if they lead to this very binary." +
		"\n\nExamples:\n\n    mpbox uninstall ~/bin\n    mpbox uninstall --prefix mp- /usr/local/bin"
}

func (c *uninstallCommand) run(*Box) error {
	self, err := executable()
	if err != nil {
		return err
	}
	if err := isFolder(c.Dir); err != nil {
		return err
	}
	removed := 0
	for _, path := range c.paths() {
		if !isLinkTo(path, self) || isItself(path, self) {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		removed++
		if err := write(os.Stdout, "removed "+path+"\n"); err != nil {
			return err
		}
	}
	if removed == 0 {
		fmt.Fprintf(os.Stderr, "mpbox: no links to %s in %s\n", self, c.Dir)
	}
	return nil
}

// isItself says whether path is the binary under its own name, and no link to
// it: an mpbox that was renamed to derom must not remove itself.
func isItself(path, self string) bool {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return false
	}
	dir, err = filepath.Abs(dir)
	return err == nil && filepath.Join(dir, filepath.Base(path)) == self
}
