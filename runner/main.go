// Command kubejobs-runner makes any program of any container image a worker of a run's queue.
//
// It is the Python runner kubejobs-worker once more, as one static file: the same options, environment, exit codes and
// records, and the very same Lua scripts. docs/worker.md says how it behaves, docs/runner.md how it is made.
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
)

const (
	exitDone       = 0
	exitUsage      = 2
	exitLost       = 3
	exitRefused    = 4
	exitNoCommand  = 127
	exitTerminated = 128 + int(syscall.SIGTERM)
)

func main() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // a log that nobody reads any more ends no worker
	log.SetFlags(log.LstdFlags | log.Lmsgprefix)
	log.SetPrefix("kubejobs-runner ")
	os.Exit(run(os.Args[1:]))
}

func run(arguments []string) int {
	if len(arguments) > 0 && arguments[0] == "install" {
		return complain(install(arguments[1:]))
	}
	options, err := parseOptions(arguments)
	if options == nil {
		return complain(err)
	}
	program, err := exec.LookPath(options.command[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return complain(exitError{exitNoCommand, "the command '" + options.command[0] + "' does not exist in this image or is not executable"})
	}
	settings, err := settingsFrom(os.Getenv)
	if err != nil {
		return complain(err)
	}
	return workOff(settings, options, program)
}

// workOff runs the sessions to their end and returns the exit code.
func workOff(settings *settings, options *options, program string) int {
	stopping, stop := context.WithCancel(context.Background())
	defer stop()
	var terminated atomic.Bool
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		terminated.Store(true)
		stop()
	}()
	sessions, err := runSessions(settings, options, program, stopping.Done(), stop)
	isDrained := func(session *session) bool { return session.state == stateDrained }
	switch {
	case err != nil && !(terminated.Load() && isTemporary(err)):
		return complain(err)
	case terminated.Load() && !slices.ContainsFunc(sessions, isDrained):
		return exitTerminated
	}
	return exitDone
}

// runSessions runs as many sessions as commands are to run at the same time. One that can't go on stops the others after
// their items, and its error is returned: the pod is replaced as a whole.
func runSessions(settings *settings, options *options, program string, stopping <-chan struct{}, stop func()) ([]*session, error) {
	children := startChildren()
	keeper := newKeeper(settings, options.concurrency)
	go keeper.run()
	defer keeper.close()
	sessions := make([]*session, options.concurrency)
	failures := make(chan error, options.concurrency)
	for index := range sessions {
		sessions[index] = newSession(settings, keeper.holds[index], newProgram(options, program, children, stopping), stopping)
		go func() {
			err := sessions[index].run()
			if err != nil {
				stop()
			}
			failures <- err
		}()
	}
	var failure error
	for range sessions {
		if err := <-failures; failure == nil {
			failure = err
		}
	}
	return sessions, failure
}

// exitError is an error with the exit code that says it to Kubernetes.
type exitError struct {
	code    int
	message string
}

func (e exitError) Error() string { return e.message }

// complain says an error in one line and returns its exit code; none is 0.
func complain(err error) int {
	if err == nil {
		return exitDone
	}
	os.Stderr.WriteString("kubejobs-runner: " + strings.TrimRight(err.Error(), "\n") + "\n")
	var coded exitError
	var lost lostError
	switch {
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &lost):
		return exitLost
	default:
		return exitRefused
	}
}
