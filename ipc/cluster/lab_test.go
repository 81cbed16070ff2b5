package cluster_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A lab is some hosts of one machine, each a network namespace, that are
// connected by a switch, which is one more. Nothing of it is in the namespace
// of the test, so that all of it is gone when the namespaces are.
type lab struct {
	t     testing.TB
	hosts []string
}

const (
	labPrefix = "ipclab-" // of the names of namespaces; then the pid of the test
	labSwitch = "switch"
)

// newLab sets up hosts. It skips the test if that is not possible here.
func newLab(t testing.TB, hosts ...string) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("the command ip is missing, of the package iproute2")
	}
	sweepLabs(t)
	l := &lab{t: t, hosts: hosts}
	if out, err := exec.Command("ip", "netns", "add", l.space(labSwitch)).CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here: %v: %s", err, out)
	}
	t.Cleanup(l.remove)
	if out, err := l.command(labSwitch, "ip", "link", "add", "br0", "type", "bridge").CombinedOutput(); err != nil {
		t.Skipf("no bridges here: %v: %s", err, out)
	}
	l.ip("-n", l.space(labSwitch), "link", "set", "br0", "up")
	for i, host := range hosts {
		space, port := l.space(host), "port"+strconv.Itoa(i)
		l.ip("netns", "add", space)
		l.ip("-n", space, "link", "set", "lo", "up")
		l.ip("-n", space, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", l.space(labSwitch))
		l.ip("-n", l.space(labSwitch), "link", "set", port, "master", "br0", "up")
		l.plug(host)
	}
	return l
}

// sweepLabs removes what test runs have left that were killed.
func sweepLabs(t testing.TB) {
	for _, space := range spaces(t) {
		if isDead(strings.TrimPrefix(space, labPrefix)) {
			removeSpace(t, space)
		}
	}
}

// spaces are the namespaces of labs.
func spaces(t testing.TB) (names []string) {
	t.Helper()
	out, err := exec.Command("ip", "netns", "list").Output()
	if err != nil {
		t.Fatalf("ip netns list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		if name := strings.Fields(line)[0]; strings.HasPrefix(name, labPrefix) {
			names = append(names, name)
		}
	}
	return names
}

// removeSpace ends all processes of a namespace and removes it.
func removeSpace(t testing.TB, space string) {
	for _, pid := range pidsIn(t, space) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if out, err := exec.Command("ip", "netns", "del", space).CombinedOutput(); err != nil {
		t.Errorf("ip netns del %s: %v: %s", space, err, out)
	}
}

func pidsIn(t testing.TB, space string) (pids []int) {
	t.Helper()
	out, err := exec.Command("ip", "netns", "pids", space).Output()
	if err != nil {
		t.Errorf("ip netns pids %s: %v", space, err)
	}
	for field := range strings.FieldsSeq(string(out)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Errorf("ip netns pids %s: %v", space, err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// remove removes the lab and looks whether anything is left of it.
func (l *lab) remove() {
	for _, space := range spaces(l.t) {
		if strings.HasPrefix(space, l.space("")) {
			removeSpace(l.t, space)
		}
	}
	for _, space := range spaces(l.t) {
		if strings.HasPrefix(space, l.space("")) {
			l.t.Errorf("namespace %s is left", space)
		}
	}
}

func (l *lab) space(host string) string { return fmt.Sprintf("%s%d-%s", labPrefix, os.Getpid(), host) }

// addr is the IP address of a host.
func (l *lab) addr(host string) string {
	for i, name := range l.hosts {
		if name == host {
			return "10.77.0." + strconv.Itoa(i+1)
		}
	}
	l.t.Fatalf("no host %s in the lab", host)
	return ""
}

// line is the beginning of commands that run on a host.
func (l *lab) line(host string) []string { return []string{"ip", "netns", "exec", l.space(host)} }

func (l *lab) command(host string, args ...string) *exec.Cmd {
	line := append(l.line(host), args...)
	return exec.Command(line[0], line[1:]...)
}

func (l *lab) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// plug connects a host to the switch, and unplug cuts it off.
func (l *lab) plug(host string) {
	l.t.Helper()
	l.ip("-n", l.space(host), "link", "set", "eth0", "up")
	l.ip("-n", l.space(host), "addr", "replace", l.addr(host)+"/24", "dev", "eth0")
}

func (l *lab) unplug(host string) {
	l.t.Helper()
	l.ip("-n", l.space(host), "link", "set", "eth0", "down")
}

// pids are the processes of a host.
func (l *lab) pids(host string) []int {
	l.t.Helper()
	return pidsIn(l.t, l.space(host))
}
