package cluster_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestOthersLinkNoBroker looks at what mpbox, and a program that imports ipc,
// are made of.
func TestOthersLinkNoBroker(t *testing.T) {
	list := exec.Command("go", "list", "-deps", ".", "./ipc", "./ipc/...")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if len(packages) < 100 {
		t.Fatalf("there are %d packages only", len(packages))
	}
	for _, p := range packages {
		if strings.Contains(p, "nats") || strings.HasSuffix(p, "ipc/cluster") {
			t.Errorf("%s is linked in", p)
		}
	}
}
