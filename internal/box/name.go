package box

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/mpbox/mpbox/applets"
)

// prefixes may stand before the name of an applet in the name of a link.
var prefixes = []string{"mpbox-", "mpbox_", "mp-", "mp_"}

// fold brings a name into the form that the tables have: lower case, _ for -,
// without the .py that the original scripts end in.
func fold(name string) string {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	return strings.TrimSuffix(name, ".py")
}

// cutPrefix takes one known prefix off the name of a link.
func cutPrefix(name string) (rest string, found bool) {
	for _, p := range prefixes {
		if len(name) >= len(p) && strings.EqualFold(name[:len(p)], p) {
			return name[len(p):], true
		}
	}
	return name, false
}

// applyName turns a call through a link into the words of a call of the box:
// what is called derom or mp-derom is asked for derom. Any other name is the
// box under the name of its file, such as mpbox-linux-arm64, unless the prefix
// mp- says that an applet was meant.
func applyName(args []string) ([]string, error) {
	if len(args) == 0 {
		return nil, nil
	}
	file := filepath.Base(args[0])
	name, prefixed := cutPrefix(file)
	if a, ok := applets.Lookup(fold(name)); ok {
		return slices.Concat([]string{a.Name}, args[1:]), nil
	}
	if prefixed && name != "" && !strings.HasPrefix(fold(file), "mpbox") {
		return nil, noApplet(name)
	}
	return args[1:], nil
}

// noApplet refuses a name and offers the nearest ones.
func noApplet(name string) *refusal {
	return notFound(name, "applet not found", nearestApplets(name), "`mpbox list` shows all names.")
}

// notFound refuses a name; hint is for when nothing is near.
func notFound(name, what string, near []string, hint string) *refusal {
	if len(near) > 0 {
		hint = "Did you mean " + strings.Join(near, ", or ") + "?"
	}
	return &refusal{code: exitNotFound, text: name + ": " + what, hint: hint}
}

// nearestApplets offers those that name is a topic of before those that are
// merely spelled like it.
func nearestApplets(name string) []string {
	var byTopic, names []string
	for _, a := range applets.All {
		if slices.Contains(a.Topics, fold(name)) {
			byTopic = append(byTopic, a.Name)
		}
		names = append(names, a.Name)
	}
	for _, c := range boxCommands() {
		names = append(names, c.name)
	}
	if len(byTopic) > 0 {
		return byTopic
	}
	return nearest(fold(name), names)
}
