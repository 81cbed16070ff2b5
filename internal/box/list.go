package box

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/mpbox/mpbox/applets"
)

// A listCommand is mpbox list, or mpbox --list.
type listCommand struct {
	JSON bool `name:"json" help:"One JSON array, with group, description and topics."`
}

func (c *listCommand) Help() string {
	return "Without --json: one name per line, and nothing else, for scripts. Also: mpbox --list.\n\nExamples:\n\n" +
		"    mpbox list\n    mpbox list --json"
}

// listed is an applet in the JSON output.
type listed struct {
	Name   string   `json:"name"`
	Group  string   `json:"group"`
	Short  string   `json:"short"`
	Topics []string `json:"topics"`
}

func (c *listCommand) run(*Box) error {
	var names strings.Builder
	var all []listed
	for _, a := range applets.All {
		names.WriteString(a.Name + "\n")
		all = append(all, listed{a.Name, a.Group, a.Short, append([]string{}, a.Topics...)})
	}
	if !c.JSON {
		return write(os.Stdout, names.String())
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return write(os.Stdout, string(text)+"\n")
}
