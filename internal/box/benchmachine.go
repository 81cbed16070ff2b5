package box

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// A machine says where something was measured.
type machine struct {
	Model  string `json:"model,omitempty"` // of the processor
	CPUs   int    `json:"cpus"`
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Kernel string `json:"kernel,omitempty"`
	Go     string `json:"go"`
}

// thisMachine describes this one, as far as it tells.
func thisMachine() machine {
	m := machine{CPUs: runtime.NumCPU(), OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version()}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(release))
	}
	cpuinfo, _ := os.ReadFile("/proc/cpuinfo") // empty where there is none
	for line := range strings.Lines(string(cpuinfo)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			m.Model = strings.Join(strings.Fields(value), " ")
			break
		}
	}
	return m
}

func (m machine) String() string {
	model := m.Model
	if model == "" {
		model = m.Arch
	}
	return strings.Join(strings.Fields(fmt.Sprintf("%s, %s, %s %s, %s",
		model, count(m.CPUs, "CPU", "CPUs"), m.OS, m.Kernel, m.Go)), " ")
}
