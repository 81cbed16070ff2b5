package box

// A boxCommand is a command of the box itself: a struct whose fields are its
// flags and arguments, with kong's tags.
type boxCommand interface {
	run(b *Box) error
}

// A commandEntry registers a command of the box.
type commandEntry struct {
	name  string
	short string
	new   func() boxCommand
}

// boxCommands is the one table of them, in the order of the help.
func boxCommands() []commandEntry {
	return []commandEntry{
		{"list", "The names of the applets, one per line.", func() boxCommand { return &listCommand{} }},
		{"explain", "The page about an applet or a concept.", func() boxCommand { return &explainCommand{} }},
		{"quiz", "Predict what an applet will show, then see it.", func() boxCommand { return &quizCommand{} }},
		{"source", "The source of an applet, in Go as it runs, or in Python.", func() boxCommand { return &sourceCommand{} }},
		{"timeline", "What a program's processes did, from its event log.", func() boxCommand { return &timelineCommand{} }},
		{"install", "Make links named as the applets.", func() boxCommand { return &installCommand{} }},
		{"uninstall", "Remove these links.", func() boxCommand { return &uninstallCommand{} }},
		{"test", "Run the acceptance tests against this very binary.", func() boxCommand { return &testCommand{} }},
		{"bench", "What the operations cost on this machine.", func() boxCommand { return &benchCommand{} }},
		{"completion", "A script by which a shell completes all this.", func() boxCommand { return &completionCommand{} }},
		{"man", "A manual page, for man to show.", func() boxCommand { return &manCommand{} }},
		{"help", "How to use an applet or a command.", func() boxCommand { return &helpCommand{} }},
	}
}

// lookupCommand finds a command of the box by its exact name.
func lookupCommand(name string) (commandEntry, bool) {
	for _, c := range boxCommands() {
		if c.name == name {
			return c, true
		}
	}
	return commandEntry{}, false
}
