package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

const version = "0.1.0"

const usage = `usage: kubejobs-runner [options] -- CMD {item}
       kubejobs-runner install DIR

Runs CMD for each item of the run's queue: {item} is replaced in every argument; without it the item is the last one.
It is also in the variable KUBEJOBS_ITEM. REDIS_HOST names the queue; docs/worker.md lists all variables.

  --timeout SECONDS       end a command that runs longer; retry the item
  --fail-code N           an exit code that fails the item for good (repeatable); others but 0 are retried
  --result                keep the last line of the output (with --lines: the answer) as the item's result
  --on-sigterm finish     let the running command end by itself (default)
  --on-sigterm pass       send it the SIGTERM too
  --concurrency N         commands that run at the same time (1)
  --lines                 start CMD once: it reads items from its standard input, one a line, and answers each with a line
  --version               show the version
  install DIR             copy this program to DIR/kubejobs-runner

exit codes:
  0    nothing is left to do, or the run was asked to stop
  2    the command line or the environment is wrong
  3    the queue no longer holds the run
  4    the queue refuses this worker (a wrong password, for one)
  127  the command does not exist
  143  a SIGTERM arrived; the present item was finished, the others given back
`

const maxConcurrency = 256

// options is the command line.
type options struct {
	timeout     time.Duration // 0: none
	failCodes   []int
	keepResult  bool
	passSigterm bool
	concurrency int
	lines       bool
	command     []string
}

// parseOptions reads the command line; without options and error it was a question, which is answered.
func parseOptions(arguments []string) (*options, error) {
	result := &options{concurrency: 1}
	flags := flag.NewFlagSet(programName, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("timeout", "", result.setTimeout)
	flags.Func("fail-code", "", result.addFailCode)
	flags.Func("on-sigterm", "", result.setOnSigterm)
	flags.Func("concurrency", "", result.setConcurrency)
	flags.BoolVar(&result.keepResult, "result", false, "")
	flags.BoolVar(&result.lines, "lines", false, "")
	showVersion := flags.Bool("version", false, "")
	err := flags.Parse(arguments)
	result.command = flags.Args()
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(usage)
		return nil, nil
	case err != nil:
		return nil, exitError{exitUsage, usage + err.Error()}
	case *showVersion:
		fmt.Printf("%s %s (%s)\n", programName, version, runtime.Version())
		return nil, nil
	case len(result.command) == 0:
		return nil, exitError{exitUsage, usage + "no command: kubejobs-runner [options] -- CMD {item}"}
	}
	return result, nil
}

func (o *options) setTimeout(text string) error {
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds > 0 && seconds <= maxSetting) {
		return errors.New("it must be a number of seconds above 0")
	}
	o.timeout = secondsOf(seconds)
	return nil
}

func (o *options) addFailCode(text string) error {
	code, err := strconv.Atoi(text)
	if err != nil {
		return errors.New("it must be an exit code")
	}
	o.failCodes = append(o.failCodes, code)
	return nil
}

func (o *options) setOnSigterm(text string) error {
	if text != "finish" && text != "pass" {
		return errors.New("it must be finish or pass")
	}
	o.passSigterm = text == "pass"
	return nil
}

func (o *options) setConcurrency(text string) error {
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 || number > maxConcurrency {
		return fmt.Errorf("it must be from 1 to %d", maxConcurrency)
	}
	o.concurrency = number
	return nil
}

func (o *options) fails(code int) bool { return slices.Contains(o.failCodes, code) }

const placeholder = "{item}"

// argumentsFor is the command with {item} replaced in every argument; without a placeholder the item is the last one.
func (o *options) argumentsFor(item string) []string {
	result := make([]string, 0, len(o.command)+1)
	found := false
	for _, word := range o.command {
		found = found || strings.Contains(word, placeholder)
		result = append(result, strings.ReplaceAll(word, placeholder, item))
	}
	if !found {
		result = append(result, item)
	}
	return result
}
