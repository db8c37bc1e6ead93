package main

import (
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"syscall"
	"time"
)

const itemVariable = "KUBEJOBS_ITEM"

// command runs one program per item.
type command struct {
	options     *options
	program     string
	children    *children
	stopping    <-chan struct{}
	environment []string
	memoryKills *memoryKills
}

func newProgram(options *options, name string, children *children, stopping <-chan struct{}) program {
	command := newCommand(options, name, children, stopping)
	if options.lines {
		return &lines{command: command}
	}
	return command
}

func newCommand(options *options, program string, children *children, stopping <-chan struct{}) *command {
	environment := make([]string, 0, len(os.Environ())+1)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, itemVariable+"=") {
			environment = append(environment, variable)
		}
	}
	return &command{options, program, children, stopping, environment, newMemoryKills()}
}

func (c *command) close() {}

// run runs the command for one item and says how that ended.
func (c *command) run(item string) (ending, text string) {
	began := time.Now()
	end, err := c.execute(item)
	if err != nil {
		kind, message := startProblem(err, c.program)
		return failedEnding(item, kind, message, "", true, began)
	}
	switch {
	case end.code == 0 && !end.timedOut:
		return resultEnding(c.options, item, lastLine(end.output), began)
	case c.options.passSigterm && isClosed(c.stopping):
		return endReturn, ""
	}
	return failedEnding(item, end.kind(), end.problem(), end.tail, !c.options.fails(end.code), began)
}

// failedEnding is the end of an item that failed: to be tried again, or for good.
func failedEnding(item, kind, message, tail string, retry bool, began time.Time) (ending, text string) {
	log.Printf("%.200q: %s", item, message)
	ending = endFail
	if retry {
		ending = endRetry
	}
	return ending, errorRecord(kind, message, time.Since(began), tail)
}

// resultEnding is the end of an item that is done: with its result, where one is to be kept and there is one.
func resultEnding(options *options, item, result string, began time.Time) (ending, text string) {
	if !options.keepResult || result == "" {
		return endDone, ""
	}
	record, err := resultRecord(item, result)
	if err != nil {
		return failedEnding(item, "QueueError", err.Error(), "", false, began)
	}
	return endResult, record
}

// commandEnd is how a command ended; its code is negative for a signal. Its tail is the end of its standard error, or of
// its standard output where it wrote no error.
type commandEnd struct {
	code                  int
	timedOut, outOfMemory bool
	output, tail          string
}

// kind is a short name of the reason.
func (e *commandEnd) kind() string {
	if e.outOfMemory {
		return "OOMKilled"
	}
	return "Error"
}

// problem is what went wrong, in a sentence.
func (e *commandEnd) problem() string {
	switch {
	case e.timedOut:
		return "the command took too long and was ended"
	case e.outOfMemory:
		return "killed: out of memory"
	case e.code < 0:
		return fmt.Sprintf("the command was ended by signal %d (%s)", -e.code, signalName(syscall.Signal(-e.code)))
	}
	return fmt.Sprintf("the command ended with exit code %d", e.code)
}

func (c *command) execute(item string) (*commandEnd, error) {
	environment := append(c.environment[:len(c.environment):len(c.environment)], itemVariable+"="+item)
	started, err := c.children.start(c.program, c.options.argumentsFor(item), environment, false)
	if err != nil {
		return nil, err
	}
	output := newTail(started.output, os.Stdout, maxResultBytes)
	errors := newTail(started.errors, os.Stderr, maxTailCharacters)
	end := &commandEnd{timedOut: c.await(started)}
	end.code = exitCode(started.status)
	end.outOfMemory = !end.timedOut && c.memoryKills.explain(end.code)
	end.output, end.tail = output.text(), errors.text()
	if strings.TrimSpace(end.tail) == "" {
		end.tail = end.output
	}
	return end, nil
}

// await waits for the command's end; a SIGTERM is passed on if so asked, and what takes too long is ended.
func (c *command) await(started *child) (timedOut bool) {
	var tooLong <-chan time.Time
	if c.options.timeout > 0 {
		timer := time.NewTimer(c.options.timeout)
		defer timer.Stop()
		tooLong = timer.C
	}
	var stopping <-chan struct{}
	if c.options.passSigterm {
		stopping = c.stopping
	}
	for {
		select {
		case <-started.ended:
			return timedOut
		case <-stopping:
			c.children.pass(started, syscall.SIGTERM)
			stopping = nil
		case <-tooLong:
			timedOut = true
			c.children.end(started)
		}
	}
}

func exitCode(status syscall.WaitStatus) int {
	if status.Signaled() {
		return -int(status.Signal())
	}
	return status.ExitStatus()
}

func signalName(number syscall.Signal) string {
	name := number.String()
	return strings.ToUpper(name[:1]) + name[1:]
}

// startProblem names the reason why a command could not be started, as the Python runner does.
func startProblem(err error, program string) (kind, message string) {
	var number syscall.Errno
	switch {
	case !errors.As(err, &number):
		return "OSError", err.Error()
	case number == syscall.EINVAL: // the only argument that is none
		return "ValueError", "embedded null byte"
	case number == syscall.ENOENT:
		kind = "FileNotFoundError"
	case number == syscall.EACCES:
		kind = "PermissionError"
	default:
		kind = "OSError"
	}
	return kind, fmt.Sprintf("[Errno %d] %s: '%s'", int(number), number.Error(), program)
}

func isClosed(signal <-chan struct{}) bool {
	select {
	case <-signal:
		return true
	default:
		return false
	}
}
