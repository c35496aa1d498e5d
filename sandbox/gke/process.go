package gke

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

const (
	stopGrace = 20 * time.Second // between asking a process to end and ending it
	lineMax   = 64 << 10         // of what a process says, in bytes
	logMax    = 8 << 20          // after which its log is put aside
)

// event is a line that signgate-cluster says on its standard output.
type event struct {
	Stage     string `json:"stage"` // "etcd", "apiserver", "controllers", "node", "ready", "failed"
	Done      bool   `json:"done"`
	APIServer string `json:"apiserver"` // with "ready": where it listens
	Egress    string `json:"egress"`    // with "ready": the socket through which it reaches pods
	Error     string `json:"error"`     // with "failed"
}

// process is a running signgate-cluster. It ends with its standard input, so that
// none outlives the sandbox, however that ends.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	log   *os.File
	done  chan struct{} // closed when it has ended
	err   error         // how, once done

	mu    sync.Mutex
	words string // of its "failed" line
}

// missing says how to get a program that is not there; nil if it is.
func missing(program string) error {
	if program == "" {
		return errors.New("this sandbox was started without signgate-cluster, so it has no clusters (make build makes the program; it is looked for beside signgate)")
	}
	info, err := os.Stat(program)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is not there: make build makes it (about 15 CPU-minutes the first time)", program)
	case err != nil:
		return err
	case info.IsDir() || info.Mode()&0o111 == 0:
		return fmt.Errorf("%s is no program that can be run: make build makes it again", program)
	}
	return nil
}

// start runs the program with a configuration file, in the file's folder. It hears
// each line that the program says.
func start(program, config string, hear func(event)) (*process, error) {
	if err := missing(program); err != nil {
		return nil, err
	}
	dir := filepath.Dir(config)
	log, err := openLog(filepath.Join(dir, "process.log"))
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(program, "run", "--config", config), log: log, done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stderr, p.cmd.WaitDelay = dir, log, 2*time.Second
	p.cmd.Stdout = &lines{line: func(b []byte) { p.heard(b, hear) }}
	// Nothing of the user's environment: no proxy, no credentials, no tool's settings.
	p.cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + dir, "LANG=C.UTF-8"}
	group(p.cmd)
	if p.stdin, err = p.cmd.StdinPipe(); err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		log.Close()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	go p.wait()
	return p, nil
}

// openLog appends to a log; one that has grown long is put aside first.
func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > logMax {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

func (p *process) heard(line []byte, hear func(event)) {
	var e event
	if json.Unmarshal(line, &e) != nil || e.Stage == "" {
		fmt.Fprintf(p.log, "%s\n", line)
		return
	}
	if e.Stage == "failed" {
		p.mu.Lock()
		p.words = e.Error
		p.mu.Unlock()
	}
	hear(e)
}

func (p *process) wait() {
	err := p.cmd.Wait()
	p.stdin.Close()
	p.log.Close()
	p.mu.Lock()
	words := p.words
	p.mu.Unlock()
	switch {
	case words != "":
		p.err = errors.New(words)
	case err != nil:
		p.err = fmt.Errorf("its process ended: %w (what it said is in %s)", err, p.log.Name())
	default:
		p.err = errors.New("its process ended by itself")
	}
	close(p.done)
}

// stop asks the process to end, and ends it and its children if it does not.
func (p *process) stop(grace time.Duration) {
	p.stdin.Close()
	terminate(p.cmd)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
	}
	kill(p.cmd) // its group: children that it left behind go too
	<-p.done
}

// lines cuts what is written into lines. One that is too long is dropped.
type lines struct {
	line func([]byte)
	rest []byte
	skip bool
}

func (l *lines) Write(b []byte) (int, error) {
	n := len(b)
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			if l.rest = append(l.rest, b...); len(l.rest) > lineMax {
				l.rest, l.skip = nil, true
			}
			return n, nil
		}
		if whole := append(l.rest, b[:i]...); !l.skip && len(bytes.TrimSpace(whole)) > 0 {
			l.line(whole)
		}
		l.rest, l.skip, b = nil, false, b[i+1:]
	}
}
