package quiz

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// groupMembers names the processes of a process group that have not ended,
// sorted. What is only waiting for its parent to ask how it ended, a zombie,
// has.
func groupMembers(group int) ([]string, error) {
	names := fromProc(group)
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		if names, err = fromPS(group); err != nil {
			return nil, err
		}
	}
	for i, name := range names {
		if _, after, ok := strings.Cut(name, ": "); ok { // as ipc labels its children
			names[i] = after
		}
	}
	slices.Sort(names)
	return names, nil
}

// fromProc reads the table where Linux shows it.
func fromProc(group int) []string {
	var names []string
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		panic(err) // a malformed pattern
	}
	for _, folder := range folders {
		stat, err := os.ReadFile(filepath.Join(folder, "stat"))
		if err != nil {
			continue // it has ended meanwhile
		}
		// PID (NAME) STATE PARENT GROUP ..., where the name may be anything
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 3 || fields[2] != fmt.Sprint(group) || fields[0] == "Z" || fields[0] == "X" {
			continue
		}
		cmdline, err := os.ReadFile(filepath.Join(folder, "cmdline"))
		if name, _, ok := strings.Cut(string(cmdline), "\x00"); err == nil && ok {
			names = append(names, name)
		}
	}
	return names
}

// fromPS asks ps, as any other Unix has it.
func fromPS(group int) ([]string, error) {
	text, err := exec.Command("ps", "-A", "-o", "pgid=,stat=,args=").Output()
	if err != nil {
		return nil, fmt.Errorf("ps: %w", err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) > 2 && fields[0] == fmt.Sprint(group) && !strings.HasPrefix(fields[1], "Z") {
			names = append(names, strings.Join(fields[2:], " "))
		}
	}
	return names, nil
}
