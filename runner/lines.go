package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

const (
	maxAnswerBytes = 1 << 20
	// How long a program may take to end once its input has ended, and once it has closed its output.
	endPatience   = 5 * time.Second
	closePatience = time.Second
	// How long what was written to standard error before a failure's answer may take to come through its own pipe.
	errorPatience = 5 * time.Millisecond
	// The pause before a program that answers nothing is started again; it doubles.
	firstRestart   = 100 * time.Millisecond
	longestRestart = 10 * time.Second
	unnamedFailure = "the command reported a failure without a message"
)

// lines works with one long-lived program that reads items from its standard input, one a line, and answers each with one
// line. One that ends is started again.
//
// Rule: one question at a time, and whatever breaks that order ends the program: no answer is ever taken for another
// item's.
type lines struct {
	*command
	program  *lineProgram
	failures int
}

func (l *lines) run(item string) (ending, text string) {
	began := time.Now()
	answer, err := l.ask(item)
	switch broken := (*programError)(nil); {
	case errors.Is(err, errStopping):
		return endReturn, ""
	case errors.As(err, &broken):
		l.program, l.failures = nil, l.failures+1
		if l.options.passSigterm && isClosed(l.stopping) {
			return endReturn, ""
		}
		retry := broken.end == nil || !l.options.fails(broken.end.code)
		return failedEnding(item, broken.kind, broken.message, broken.tail, retry, began)
	case err != nil:
		l.failures++
		kind, message := startProblem(err, l.command.program)
		return failedEnding(item, kind, message, "", true, began)
	}
	l.failures = 0
	word, message, _ := strings.Cut(answer, " ")
	if word != "!retry" && word != "!fail" {
		return resultEnding(l.options, item, answer, began)
	}
	if message = strings.TrimSpace(message); message == "" {
		message = unnamedFailure
	}
	time.Sleep(errorPatience)
	return failedEnding(item, "Error", message, l.program.complaints.now(), word == "!retry", began)
}

var errStopping = errors.New("the worker is to stop")

func (l *lines) ask(item string) (string, error) {
	if l.program != nil {
		ended, err := l.program.hasEnded()
		if err != nil {
			return "", err
		}
		if ended {
			l.close()
		}
	}
	if l.program == nil {
		if !l.pause() {
			return "", errStopping
		}
		started, err := l.children.start(l.command.program, l.options.command, l.environment, true)
		if err != nil {
			return "", err
		}
		l.program = newLineProgram(l.command, started)
	}
	return l.program.ask(item)
}

// pause waits before another start; false: the worker is to stop.
func (l *lines) pause() bool {
	if l.failures > 0 {
		wait := longestRestart
		if l.failures < 8 {
			wait = min(wait, firstRestart<<(l.failures-1))
		}
		select {
		case <-time.After(wait):
		case <-l.stopping:
		}
	}
	return !isClosed(l.stopping)
}

// close lets the program end by ending its input; one that does not, is ended.
func (l *lines) close() {
	if l.program == nil {
		return
	}
	child := l.program.child
	child.input.Close()
	if !child.awaitEnd(endPatience) {
		l.children.end(child)
	}
	child.output.Close()
	l.program = nil
}

// programError says that the program gave no proper answer and has been ended; `end` is set where it ended by itself.
type programError struct {
	message, kind, tail string
	end                 *commandEnd
}

func (e *programError) Error() string { return e.message }

// lineProgram is one running program.
type lineProgram struct {
	*command
	child      *child
	complaints *tail
}

func newLineProgram(command *command, child *child) *lineProgram {
	if command.options.passSigterm {
		go func() {
			select {
			case <-command.stopping:
				command.children.pass(child, syscall.SIGTERM)
			case <-child.ended:
			}
		}()
	}
	return &lineProgram{command, child, newTail(child.errors, os.Stderr, maxTailCharacters)}
}

// hasEnded says whether it has ended, or closed its output, between two questions; words that nobody asked for are an error.
func (p *lineProgram) hasEnded() (bool, error) {
	words, err := readAtOnce(p.child.output)
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return isClosed(p.child.ended), nil
	case len(words) > 0:
		return false, p.broken("it wrote a line for which there was no item", words)
	}
	return true, nil
}

// ask returns the answer to one line, without its end.
func (p *lineProgram) ask(item string) (string, error) {
	p.complaints.forget()
	if p.options.timeout > 0 {
		p.child.output.SetReadDeadline(time.Now().Add(p.options.timeout))
	}
	sent, deaf := make(chan error, 1), make(chan struct{})
	go func() {
		_, err := p.child.input.WriteString(item + "\n")
		if errors.Is(err, syscall.EPIPE) { // it has ended, or will never know the item
			close(deaf)
			p.child.output.SetReadDeadline(time.Now().Add(closePatience))
		}
		sent <- err
	}()
	answer, err := p.receive(deaf)
	if err != nil {
		return "", err
	}
	p.child.output.SetReadDeadline(time.Time{})
	p.child.input.SetWriteDeadline(time.Now())
	unsent := <-sent
	p.child.input.SetWriteDeadline(time.Time{})
	text := strings.TrimSuffix(string(answer), "\n")
	if unsent != nil || strings.Contains(text, "\n") {
		return "", p.broken("it answered an item with more than one line", text)
	}
	return strings.TrimSuffix(text, "\r"), nil
}

func (p *lineProgram) receive(deaf <-chan struct{}) ([]byte, error) {
	var answer []byte
	buffer := make([]byte, copyBytes)
	for len(answer) == 0 || answer[len(answer)-1] != '\n' {
		count, err := p.child.output.Read(buffer)
		answer = append(answer, buffer[:count]...)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && !isClosed(deaf):
			p.end()
			return nil, p.failed(&commandEnd{timedOut: true}, nil)
		case err != nil:
			return nil, p.endedByItself()
		case len(answer) > maxAnswerBytes:
			return nil, p.broken(fmt.Sprintf("it answered with more than %d bytes", maxAnswerBytes), string(answer))
		}
	}
	return answer, nil
}

func (p *lineProgram) endedByItself() error {
	if !p.child.awaitEnd(closePatience) {
		p.end()
		return &programError{message: "the command closed its output and was ended", kind: "Error", tail: p.complaints.text()}
	}
	p.end()
	end := &commandEnd{code: exitCode(p.child.status)}
	end.outOfMemory = p.memoryKills.explain(end.code)
	return p.failed(end, end)
}

func (p *lineProgram) failed(end, byItself *commandEnd) error {
	return &programError{end.problem(), end.kind(), p.complaints.text(), byItself}
}

func (p *lineProgram) broken(what, words string) error {
	p.end()
	message := fmt.Sprintf("the command was ended, as %s: %.80q; its standard output must carry one line an item", what, words)
	return &programError{message: message, kind: "Error", tail: p.complaints.text()}
}

// end ends the program with all that it started.
func (p *lineProgram) end() {
	p.children.end(p.child)
	<-p.child.ended
	p.child.input.Close()
	p.child.output.Close()
}
