package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// notExecuted is what a container says that stands for an image which the
// sandbox did not build.
const notExecuted = "the sandbox pulled this image for real and shows the container as running, but executes nothing: it runs only what it built itself"

// container is one container of a pod on its way through its states. Its
// fields are the pod's: read and written under the pod's lock.
type container struct {
	pod  *pod
	name string
	init bool

	image    *Image
	state    corev1.ContainerState
	last     corev1.ContainerState
	restarts int32
	id       string
	ready    bool
	started  *bool
	process  *Process
	kill     chan string // ask the run to end, and why
	backoff  Backoff
}

// spec is the container as the API server has it now.
func (c *container) spec() corev1.Container {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	all := c.pod.object.Spec.Containers
	if c.init {
		all = c.pod.object.Spec.InitContainers
	}
	for _, s := range all {
		if s.Name == c.name {
			return *s.DeepCopy()
		}
	}
	return corev1.Container{Name: c.name}
}

// waiting shows why nothing runs.
func (c *container) waiting(reason, message string) {
	c.pod.change(func() {
		if c.state.Terminated != nil {
			c.last = corev1.ContainerState{Terminated: c.state.Terminated}
		}
		c.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
		c.ready, c.started = false, ptr(false)
	})
}

func ptr[T any](v T) *T { return &v }

// run keeps the container as its restart policy wants it; it returns when
// the container has ended for good. ok is false if that was a failure.
func (c *container) run(ctx context.Context) (ok bool) {
	for {
		img := c.pull(ctx)
		if img == nil {
			return false
		}
		began := time.Now()
		code, started := c.once(ctx, img)
		if ctx.Err() != nil {
			return code == 0
		}
		c.backoff.Ran(time.Since(began))
		if started && !c.again(code) {
			return code == 0
		}
		wait := c.backoff.Next()
		if wait > 0 && started {
			words := fmt.Sprintf("back-off %s restarting failed container=%s pod=%s", wait, c.name, c.pod.title())
			c.pod.event(corev1.EventTypeWarning, "BackOff", "Back-off restarting failed container %s in pod %s", c.name, c.pod.title())
			c.waiting("CrashLoopBackOff", words)
		}
		if !sleep(ctx, wait) {
			return false
		}
		if started {
			c.pod.change(func() { c.restarts++ })
		}
	}
}

// again says whether the policy wants another run.
func (c *container) again(code int32) bool {
	if c.init {
		return code != 0 && c.pod.policy() != corev1.RestartPolicyNever
	}
	switch c.pod.policy() {
	case corev1.RestartPolicyNever:
		return false
	case corev1.RestartPolicyOnFailure:
		return code != 0
	}
	return true
}

// pull gets the image, again and again with a kubelet's patience; nil when
// the pod ends before.
func (c *container) pull(ctx context.Context) *Image {
	var backoff Backoff
	for {
		spec := c.spec()
		img, reason, words := c.pod.node.image(ctx, c.pod, &spec)
		if img != nil {
			c.pod.change(func() { c.image = img })
			return img
		}
		if ctx.Err() != nil {
			return nil
		}
		c.pod.event(corev1.EventTypeWarning, "Failed", "Error: %s", reason)
		c.waiting(reason, words)
		wait := max(backoff.Next(), backoffFirst)
		if !sleep(ctx, min(wait, shown)) {
			return nil
		}
		if reason == "ErrImagePull" {
			c.pod.event(corev1.EventTypeNormal, "BackOff", "Back-off pulling image %q", spec.Image)
			c.pod.event(corev1.EventTypeWarning, "Failed", "Error: ImagePullBackOff")
			c.waiting("ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q: ErrImagePull: %s", spec.Image, words))
		}
		if !sleep(ctx, wait-shown) {
			return nil
		}
	}
}

// shown is how long ErrImagePull stays before it reads ImagePullBackOff.
const shown = 2 * time.Second

// once runs the container from start to end. started is false if it could
// not be started at all.
func (c *container) once(ctx context.Context, img *Image) (code int32, started bool) {
	spec := c.spec()
	if img.Program == "" {
		return c.pretend(ctx, img)
	}
	process, err := c.start(ctx, &spec, img)
	if err != nil {
		if ctx.Err() == nil {
			reason := "CreateContainerError"
			if errors.As(err, new(*configError)) {
				reason = "CreateContainerConfigError"
			}
			c.pod.event(corev1.EventTypeWarning, "Failed", "Error: %s", err)
			c.waiting(reason, err.Error())
		}
		return 128, false
	}
	select {
	case <-c.kill: // meant for an earlier run
	default:
	}
	at := metav1.Now()
	c.running(at, process)
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	c.watch(run, &spec)
	reason := ""
	select {
	case <-process.Ended():
	case reason = <-c.kill:
		c.pod.event(corev1.EventTypeNormal, "Killing", "%s", reason)
		process.Stop(c.pod.grace)
	case <-ctx.Done():
		c.pod.event(corev1.EventTypeNormal, "Killing", "Stopping container %s", c.name)
		process.Stop(c.pod.grace)
	}
	return c.ended(at, process), true
}

func (c *container) running(at metav1.Time, process *Process) {
	spec := c.spec()
	c.pod.event(corev1.EventTypeNormal, "Started", "Started container %s", c.name)
	c.pod.change(func() {
		if c.state.Terminated != nil {
			c.last = corev1.ContainerState{Terminated: c.state.Terminated}
		}
		c.state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at}}
		c.process = process
		c.started = ptr(process == nil || spec.StartupProbe == nil)
		c.ready = *c.started && (process == nil || spec.ReadinessProbe == nil)
	})
}

func (c *container) ended(at metav1.Time, process *Process) int32 {
	code, signal := process.Exit()
	t := &corev1.ContainerStateTerminated{
		ExitCode: code, Signal: signal, Reason: "Completed",
		StartedAt: at, FinishedAt: metav1.Now(), ContainerID: c.id,
	}
	if code != 0 {
		t.Reason = "Error"
	}
	c.pod.change(func() {
		c.state = corev1.ContainerState{Terminated: t}
		c.process, c.ready, c.started = nil, false, ptr(false)
	})
	return code
}

// pretend shows an image that is not executed as running, until the pod
// ends. Where something waits for its end (an init container, a job), it
// ends at once, saying the same.
func (c *container) pretend(ctx context.Context, img *Image) (int32, bool) {
	if l, err := openLog(c.logPath()); err == nil {
		l.line("stderr", "F", []byte("signgate sandbox: "+notExecuted))
		_ = l.Close()
	}
	c.created()
	c.pod.event(corev1.EventTypeNormal, "NotExecuted", "Container %s, image %q: %s", c.name, img.Name, notExecuted)
	at := metav1.Now()
	c.running(at, nil)
	if !c.init && c.pod.policy() == corev1.RestartPolicyAlways {
		select {
		case <-ctx.Done():
		case <-c.kill:
		}
	}
	c.pod.change(func() {
		c.state = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			Reason: "Completed", Message: notExecuted, StartedAt: at, FinishedAt: metav1.Now(), ContainerID: c.id,
		}}
		c.ready, c.started = false, ptr(false)
	})
	return 0, true
}

func (c *container) created() {
	c.pod.change(func() { c.id = "sandbox://" + randomID() })
	c.pod.event(corev1.EventTypeNormal, "Created", "Created container: %s", c.name)
}

func (c *container) logPath() string {
	return filepath.Join(c.pod.logs, c.name, strconv.Itoa(int(c.restarts))+".log")
}

// start makes the program ready and starts it.
func (c *container) start(ctx context.Context, spec *corev1.Container, img *Image) (*Process, error) {
	object := c.pod.copy()
	env, err := variablesOf(ctx, c.pod.node, object, spec)
	if err != nil {
		return nil, &configError{err}
	}
	mounts, err := c.pod.volumes.Mounts(spec, env)
	if err != nil {
		return nil, err
	}
	whole := imageEnv(img.Config.Env)
	whole["HOSTNAME"] = object.Name
	for name, value := range env {
		whole[name] = value
	}
	log, err := openLog(c.logPath())
	if err != nil {
		return nil, err
	}
	c.created()
	process, err := c.pod.node.start(Program{
		Path: img.Program, Args: argv(spec, img, env), Env: whole, Mounts: mounts, Log: log,
		Folder: filepath.Join(c.pod.dir, "containers", c.name), PodIP: object.Status.PodIP,
		Hostname: object.Name, Dir: dir(spec, img), Path0: inside(spec, img),
		ReadOnly: spec.SecurityContext != nil && spec.SecurityContext.ReadOnlyRootFilesystem != nil && *spec.SecurityContext.ReadOnlyRootFilesystem,
		Metadata: c.pod.serveMetadata,
	}, object)
	if err != nil {
		_ = log.Close()
		return nil, err
	}
	return process, nil
}

// configError is what a kubelet calls CreateContainerConfigError: a
// reference that leads nowhere.
type configError struct{ error }

// watch starts the probes of a running container.
func (c *container) watch(ctx context.Context, spec *corev1.Container) {
	watch := func(kind string, p *corev1.Probe, early bool, verdict func(bool, string)) {
		w := watcher{
			kind: kind, probe: p, early: early, verdict: verdict,
			check: func(ctx context.Context) error { return check(ctx, p, spec, c.pod.ip, c.pod.dial) },
			failed: func(words string) {
				c.pod.event(corev1.EventTypeWarning, "Unhealthy", "%s", words)
			},
		}
		go w.run(ctx)
	}
	begin := func() {
		if p := spec.ReadinessProbe; p != nil {
			watch("Readiness", p, !c.pod.node.config.InitialDelays, func(ok bool, _ string) {
				c.pod.change(func() { c.ready = ok && c.state.Running != nil })
			})
		}
		if p := spec.LivenessProbe; p != nil {
			watch("Liveness", p, false, func(ok bool, _ string) {
				if !ok {
					c.end(fmt.Sprintf("Container %s failed liveness probe, will be restarted", c.name))
				}
			})
		}
	}
	p := spec.StartupProbe
	if p == nil {
		begin()
		return
	}
	starting, cancel := context.WithCancel(ctx)
	var once sync.Once
	w := watcher{kind: "Startup", probe: p, early: !c.pod.node.config.InitialDelays,
		check:  func(ctx context.Context) error { return check(ctx, p, spec, c.pod.ip, c.pod.dial) },
		failed: func(words string) { c.pod.event(corev1.EventTypeWarning, "Unhealthy", "%s", words) },
		verdict: func(ok bool, _ string) {
			if !ok {
				c.end(fmt.Sprintf("Container %s failed startup probe, will be restarted", c.name))
				return
			}
			once.Do(func() {
				cancel()
				c.pod.change(func() { c.started, c.ready = ptr(true), spec.ReadinessProbe == nil })
				begin()
			})
		},
	}
	go func() { defer cancel(); w.run(starting) }()
}

// end asks the current run to end.
func (c *container) end(why string) {
	select {
	case c.kill <- why:
	default:
	}
}

// argv is the program's arguments: the executable stands for the first word
// of the command.
func argv(spec *corev1.Container, img *Image, env map[string]string) []string {
	command, args := spec.Command, spec.Args
	if len(command) == 0 {
		command = img.Config.Entrypoint
		if len(args) == 0 {
			args = img.Config.Cmd
		}
	}
	if len(command) > 0 {
		command = command[1:]
	}
	return arguments(append(append([]string{}, command...), args...), env)
}

// dir is the program's working directory.
func dir(spec *corev1.Container, img *Image) string {
	if spec.WorkingDir != "" {
		return spec.WorkingDir
	}
	return img.Config.WorkingDir
}

// inside is where the program is in the container's file system: where its
// image has it.
func inside(spec *corev1.Container, img *Image) string {
	for _, command := range [][]string{spec.Command, img.Config.Entrypoint} {
		if len(command) > 0 && filepath.IsAbs(command[0]) {
			return filepath.Clean(command[0])
		}
	}
	return "/app/" + filepath.Base(img.Program)
}
