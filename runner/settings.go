package main

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	maxBatch   = 1000
	autoBatch  = 0
	maxSetting = 10_000_000
)

// settings is what a worker's environment says; docs/worker.md lists the variables.
type settings struct {
	host, username, password, prefix string
	port, database                   int
	tls                              bool
	worker                           string
	lease, lost                      time.Duration
	maxAttempts                      int
	batch                            int // autoBatch: as many as their durations suggest
	limits                           string
	readyHost                        string
	readyPort                        int // 0: there is no readiness probe
}

// place is the server's address for messages.
func (s *settings) place() string {
	if strings.HasPrefix(s.host, "/") {
		return s.host
	}
	return fmt.Sprintf("%s:%d", s.host, s.port)
}

// settingsFrom reads the environment; its error names a bad variable.
func settingsFrom(getenv func(string) string) (*settings, error) {
	source := &variables{getenv: getenv}
	result := &settings{
		host:        getenv("REDIS_HOST"),
		port:        source.integer("REDIS_PORT", 6379, 1, 65_535),
		username:    getenv("REDIS_USERNAME"),
		password:    getenv("REDIS_PASSWORD"),
		database:    source.integer("REDIS_DATABASE", 0, 0, maxSetting),
		tls:         isTrue(getenv("REDIS_TLS")),
		prefix:      getenv("KUBEJOBS_QUEUE_PREFIX"),
		worker:      getenv("POD_NAME"),
		lease:       source.seconds("KUBEJOBS_LEASE_SECONDS", 60, 0.1),
		lost:        source.seconds("KUBEJOBS_LOST_SECONDS", 60, 0),
		maxAttempts: source.integer("KUBEJOBS_MAX_ATTEMPTS", 3, 1, maxSetting),
		readyHost:   getenv("POD_IP"),
		readyPort:   source.integer("KUBEJOBS_READY_PORT", 0, 0, 65_535),
	}
	if result.host == "" {
		return nil, exitError{exitUsage, "REDIS_HOST is not set; it must name the host of the run's queue"}
	}
	if getenv("KUBEJOBS_BATCH") != "auto" {
		result.batch = source.integer("KUBEJOBS_BATCH", autoBatch, 1, maxBatch)
	}
	first := source.seconds("KUBEJOBS_RETRY_SECONDS", 1, 0)
	longest := source.seconds("KUBEJOBS_RETRY_MAX_SECONDS", 60, 0)
	result.limits = fmt.Sprintf("%d %d %d", result.maxAttempts, first.Milliseconds(), longest.Milliseconds())
	if result.readyPort != 0 && result.readyHost == "" {
		source.complain("KUBEJOBS_READY_PORT is set, but POD_IP is not; it must be the pod's own address")
	}
	if result.worker == "" {
		result.worker = getenv("HOSTNAME")
	}
	if result.worker == "" {
		result.worker, _ = os.Hostname()
	}
	if source.problem != "" {
		return nil, exitError{exitUsage, source.problem}
	}
	return result, nil
}

// variables reads numbers and keeps the first problem.
type variables struct {
	getenv  func(string) string
	problem string
}

func (v *variables) complain(problem string) {
	if v.problem == "" {
		v.problem = problem
	}
}

func (v *variables) integer(name string, absent, atLeast, atMost int) int {
	number := v.number(name, float64(absent), float64(atLeast), float64(atMost))
	if number != math.Trunc(number) {
		v.complain(fmt.Sprintf("%s is '%s'; it must be a whole number", name, v.getenv(name)))
	}
	return int(number)
}

func (v *variables) seconds(name string, absent, atLeast float64) time.Duration {
	return secondsOf(v.number(name, absent, atLeast, maxSetting))
}

func (v *variables) number(name string, absent, atLeast, atMost float64) float64 {
	text := v.getenv(name)
	if text == "" {
		return absent
	}
	// A Service called `redis` in the namespace makes Kubernetes set REDIS_PORT to a URL.
	if link, found := strings.CutPrefix(text, "tcp://"); found {
		text = link[strings.LastIndexByte(link, ':')+1:]
	}
	number, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		v.complain(fmt.Sprintf("%s is '%s'; it must be a number", name, text))
		return absent
	}
	if !(number >= atLeast && number <= atMost) {
		v.complain(fmt.Sprintf("%s is '%s'; it must be from %g to %g", name, text, atLeast, atMost))
		return absent
	}
	return number
}

func secondsOf(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second))
}

func isTrue(text string) bool {
	switch strings.ToLower(text) {
	case "1", "true", "yes", "on":
		return true
	}
	return false
}
