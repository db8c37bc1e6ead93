package main

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// children starts commands, ends them and reaps every process that becomes a child of this one: as process 1 of a
// container also the orphans that others leave.
//
// Rule: all of it happens on one goroutine, so that a process is known before it can be reaped, and none is sent a signal
// afterwards, when its number may belong to another.
type children struct {
	actions chan func()
	running map[int]*child
}

// child is a command: the leader of a process group of its own.
type child struct {
	pid                   int
	input, output, errors *os.File      // our ends of its standard streams
	ended                 chan struct{} // closed at its end; status is set by then
	status                syscall.WaitStatus
}

func startChildren() *children {
	result := &children{make(chan func()), map[int]*child{}}
	go result.run()
	return result
}

func (c *children) run() {
	// A command is killed with the thread that started it, thus with this process, however that ends. The thread must
	// therefore be no other's and last.
	runtime.LockOSThread()
	deaths := make(chan os.Signal, 1)
	signal.Notify(deaths, syscall.SIGCHLD)
	for {
		select {
		case action := <-c.actions:
			action()
		case <-deaths:
			c.reap()
		}
	}
}

func (c *children) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if ended := c.running[pid]; ended != nil {
			syscall.Kill(-pid, syscall.SIGKILL) // no process of an item outlives it
			delete(c.running, pid)
			ended.status = status
			close(ended.ended)
		}
	}
}

// do runs an action on the goroutine of the children, and waits for it.
func (c *children) do(action func()) {
	done := make(chan struct{})
	c.actions <- func() {
		defer close(done)
		action()
	}
	<-done
}

// start starts a program. Its output and errors are pipes, and its input too if it is to be written to, else nothing.
func (c *children) start(program string, words, environment []string, writes bool) (*child, error) {
	var theirs, ours [3]*os.File // input, output, errors
	var err error
	if writes {
		theirs[0], ours[0], err = os.Pipe()
	} else {
		theirs[0], err = os.Open(os.DevNull)
	}
	for stream := 1; stream < len(ours) && err == nil; stream++ {
		ours[stream], theirs[stream], err = os.Pipe()
	}
	started := &child{input: ours[0], output: ours[1], errors: ours[2], ended: make(chan struct{})}
	if err == nil {
		err = c.fork(started, program, words, environment, theirs)
	}
	closeAll(theirs[:])
	if err != nil {
		closeAll(ours[:])
		return nil, err
	}
	return started, nil
}

func (c *children) fork(started *child, program string, words, environment []string, streams [3]*os.File) (err error) {
	attributes := &syscall.ProcAttr{
		Env:   environment,
		Files: []uintptr{streams[0].Fd(), streams[1].Fd(), streams[2].Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	}
	c.do(func() {
		if started.pid, err = syscall.ForkExec(program, words, attributes); err == nil {
			c.running[started.pid] = started
		}
	})
	return err
}

func closeAll(files []*os.File) {
	for _, file := range files {
		if file != nil {
			file.Close()
		}
	}
}

// pass sends a signal to a command; one that has ended gets none.
func (c *children) pass(target *child, number syscall.Signal) {
	c.do(func() {
		if c.running[target.pid] == target {
			syscall.Kill(target.pid, number)
		}
	})
}

// end kills a command with all that it started.
func (c *children) end(target *child) {
	c.do(func() {
		if c.running[target.pid] == target {
			syscall.Kill(-target.pid, syscall.SIGKILL)
		}
	})
}

// awaitEnd waits for a command's end; false: it has not come in time.
func (c *child) awaitEnd(patience time.Duration) bool {
	select {
	case <-c.ended:
		return true
	case <-time.After(patience):
		return false
	}
}
