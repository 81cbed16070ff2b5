package box

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
	"unsafe"
)

// ready is the prompt of the shells.
const ready = "READY> "

// What is typed, and what must come of it in each shell: the words that mpbox
// then gets, or what is on the screen.
var typed = []struct {
	keys string
	want []string
}{
	{"mpbox proc\tb\t\r", []string{"<process_barrier>"}},
	{"mpbox process_barrier --ti\t\r", []string{"<process_barrier><--timeline>"}},
	{"mpbox process-barrier --ti\t\r", []string{"<process-barrier><--timeline>"}},
	{"mpbox explain dead\t\r", []string{"<explain><deadlocks>"}},
	{"mpbox explain barrier dead\t\r", []string{"<explain><barrier><deadlocks>"}},
	{"mpbox quiz --seed 7 dead\t\r", []string{"<quiz><--seed><7><deadlocks>"}},
	{"mpbox source der\t\r", []string{"<source><derom>"}},
	{"mpbox help uni\t\r", []string{"<help><uninstall>"}},
	{"mpbox process_pool --fault k\t\r", []string{"<process_pool><--fault><kill>"}},
	{"process_barrier --fault=l\t\r", []string{"<--fault=late>"}},
	{"mp-process_pool --wo\t3\r", []string{"<--workers"}},
	{"mpbox-derom --step 1s --pi\t\r", []string{"<--step><1s><--pids>"}},
	{"mpbox derom --svg pict\t\r", []string{"<derom><--svg><picture.svg>"}},
	{"mpbox install --prefix mp- fold\t\r", []string{"<install><--prefix><mp-><folder"}},
	{"mpbox completion z\t\r", []string{"<completion><zsh>"}},
	{"mpbox --vers\t\r", []string{"<--version>"}},
	{"mpbox explain dea\t\t", []string{"deadlocks", "six ways to wait for ever", "death", "what the others see"}},
	{"process_barrier --fault \t\t", []string{"hold-lock", "it is killed while it holds the Lock", "late", "three steps later"}},
	{"mp-process_pool --w\t\t", []string{"--who", "Tell which worker", "--workers", "How many worker processes"}},
}

func TestShellsComplete(t *testing.T) {
	for _, s := range shells() {
		t.Run(s.name, func(t *testing.T) {
			if _, err := exec.LookPath(s.name); err != nil {
				t.Skip(err)
			}
			home := shellHome(t, s)
			sh := startShell(t, s.name, home)
			for _, c := range typed {
				sh.typeKeys(c.keys)
				if strings.HasSuffix(c.keys, "\r") {
					sh.wait(append(c.want, ready)...)
					continue
				}
				sh.wait(c.want...)
				sh.end()
				sh = startShell(t, s.name, home) // the line is not empty
			}
			sh.end()
		})
	}
}

// shellHome makes a home with the completions of a shell where a user has them,
// with files to complete, and in place of mpbox and its links a program that
// prints its arguments.
func shellHome(t *testing.T, s shell) string {
	t.Helper()
	home := t.TempDir()
	line, err := (&Box{Scripts: fstest.MapFS{}}).commandLine()
	if err != nil {
		t.Fatal(err)
	}
	// Without the folder of completions that it makes of manual pages, fish goes
	// and makes them.
	const generated = "fish/generated_completions/none"
	stub := "#!/bin/sh\nprintf '<%s>' \"$@\"\necho\n"
	files := map[string]string{
		"_mpbox":              s.script(line),
		generated:             "",
		"picture.svg":         "",
		"folder/file":         "",
		".bashrc":             ". ~/_mpbox\nPS1='READY> '\n",
		".zshrc":              "fpath=(~ $fpath)\nautoload -Uz compinit\ncompinit -u\nPS1='READY> '\n",
		"fish/config.fish":    "source ~/_mpbox\nfunction fish_prompt\n    echo 'READY> '\nend\nset -g fish_greeting\n",
		"bin/mpbox":           stub,
		"bin/mpbox-derom":     stub,
		"bin/mp-process_pool": stub,
		"bin/process_barrier": stub,
	}
	for name, text := range files {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// A shellRun is a shell at a terminal.
type shellRun struct {
	t        *testing.T
	cmd      *exec.Cmd
	keyboard *os.File
	seen     chan struct{} // has a value after more was seen

	mu     sync.Mutex
	screen bytes.Buffer
}

// startShell starts one in its home, and waits for its prompt.
func startShell(t *testing.T, name, home string) *shellRun {
	t.Helper()
	tty, behind := newTerminal(t)
	defer tty.Close()
	args := map[string][]string{"bash": {"--noprofile", "--rcfile", home + "/.bashrc", "-i"}, "zsh": {"-d", "-i"}, "fish": {"-i"}}
	sh := &shellRun{t: t, keyboard: behind, seen: make(chan struct{}, 1)}
	sh.cmd = exec.Command(name, args[name]...)
	sh.cmd.Dir = home
	sh.cmd.Stdin, sh.cmd.Stdout, sh.cmd.Stderr = tty, tty, tty
	sh.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	sh.cmd.Env = []string{"PATH=" + home + "/bin:" + os.Getenv("PATH"), "HOME=" + home, "ZDOTDIR=" + home,
		"XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home, "TERM=xterm", "LC_ALL=C.UTF-8"}
	if err := sh.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go sh.look()
	sh.wait(ready)
	return sh
}

// newTerminal makes a terminal, and returns it and what is behind it.
func newTerminal(t *testing.T) (tty, behind *os.File) {
	t.Helper()
	behind, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	var number, lock uint32
	size := [4]uint16{50, 150}
	ioctl(t, behind, syscall.TIOCSPTLCK, unsafe.Pointer(&lock))
	ioctl(t, behind, syscall.TIOCGPTN, unsafe.Pointer(&number))
	ioctl(t, behind, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	tty, err = os.OpenFile("/dev/pts/"+strconv.Itoa(int(number)), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return tty, behind
}

func ioctl(t *testing.T, f *os.File, request uintptr, arg unsafe.Pointer) {
	t.Helper()
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg)); errno != 0 {
			t.Error(errno)
		}
	})
}

// look reads what comes to the screen, until the terminal is closed.
func (sh *shellRun) look() {
	for buf := make([]byte, 4096); ; {
		n, err := sh.keyboard.Read(buf)
		if err != nil {
			return
		}
		sh.mu.Lock()
		sh.screen.Write(buf[:n])
		sh.mu.Unlock()
		select {
		case sh.seen <- struct{}{}:
		default:
		}
	}
}

// typeKeys types on an empty screen.
func (sh *shellRun) typeKeys(keys string) {
	sh.mu.Lock()
	sh.screen.Reset()
	sh.mu.Unlock()
	if _, err := sh.keyboard.WriteString(keys); err != nil {
		sh.t.Fatal(err)
	}
}

// What moves the cursor or sets colours is no part of the text.
var control = regexp.MustCompile("\x1b(\\[[0-9;?]*[A-Za-z]|[=>]|\\([A-Z])")

// wait waits until the texts are on the screen, one behind the other.
func (sh *shellRun) wait(texts ...string) {
	sh.t.Helper()
	hung := time.After(time.Minute)
	for {
		sh.mu.Lock()
		screen := control.ReplaceAllString(sh.screen.String(), "")
		sh.mu.Unlock()
		if inOrder(screen, texts) {
			return
		}
		select {
		case <-sh.seen:
		case <-hung:
			sh.end()
			sh.t.Fatalf("%q are not all on the screen:\n%q", texts, screen)
		}
	}
}

func inOrder(text string, parts []string) bool {
	for _, part := range parts {
		_, after, ok := strings.Cut(text, part)
		if !ok {
			return false
		}
		text = after
	}
	return true
}

// end ends the shell.
func (sh *shellRun) end() {
	_ = sh.cmd.Process.Kill() // it may have ended
	_ = sh.cmd.Wait()         // by that signal
	sh.keyboard.Close()
}
