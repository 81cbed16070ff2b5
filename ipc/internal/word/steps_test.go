//go:build !race && !ipc_portable

package word

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// In the worlds of the tests processes move at the calls of their Env. Here the
// tests run once more with words whose every use is such a point: orders in
// which others come between any two of them, and deaths there.
func TestWordsOneStepAtATime(t *testing.T) {
	if testing.Short() {
		t.Skip("builds another test binary")
	}
	dir := t.TempDir()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		path, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		overlay.Replace[path] = filepath.Join(dir, name)
		if err := os.WriteFile(overlay.Replace[path], []byte(inSteps(name, string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, list, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-overlay="+file, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", cmd, err, out)
	}
}

// inSteps is the file with the words of package steps. What uses words of the
// system's, or would start itself again, is left out.
func inSteps(name, text string) string {
	if name == "steps_test.go" || strings.Contains(text, `"github.com/mpbox/mpbox/ipc/internal/park"`) {
		return "package word\n"
	}
	return strings.Replace(text, `"sync/atomic"`, `atomic "github.com/mpbox/mpbox/ipc/internal/steps"`, 1)
}
