package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	connectTimeout = 5 * time.Second
	callTimeout    = 15 * time.Second
)

// unavailableError says that the server does not answer for now: the same call may be made again.
type unavailableError struct{ message string }

func (e unavailableError) Error() string { return e.message }

// lostError says that the server answers but does not hold the run.
type lostError struct{ message string }

func (e lostError) Error() string { return e.message }

// connection is one connection to the queue's server, made when first needed and again after a failure. It is not for
// several goroutines.
type connection struct {
	settings *settings
	socket   net.Conn
	source   *bufio.Reader
	buffer   []byte
}

// run runs one of the scripts on the run's queue and returns its values after the status.
func (c *connection) run(script *script, arguments ...string) ([]any, error) {
	words := append([]string{"EVALSHA", script.sha, "1", c.settings.prefix + "job"}, arguments...)
	reply, err := c.call(words)
	if err == nil && strings.HasPrefix(errorText(reply), "NOSCRIPT") {
		words[0], words[1] = "EVAL", script.text
		reply, err = c.call(words)
	}
	if err != nil {
		return nil, unavailableError{fmt.Sprintf("the queue at %s does not answer (%v)", c.settings.place(), err)}
	}
	return c.checked(reply)
}

func (c *connection) checked(reply any) ([]any, error) {
	if refused, ok := reply.(replyError); ok {
		return nil, c.translated(refused)
	}
	values, _ := reply.([]any)
	if len(values) == 0 {
		return nil, fmt.Errorf("the queue at %s answers %v", c.settings.place(), reply)
	}
	switch values[0] {
	case "OK":
		return values[1:], nil
	case "LOST":
		return nil, lostError{fmt.Sprintf("the queue at %s answers but does not hold this run: it was deleted from outside, "+
			"its server lost its data, or the key prefix is wrong", c.settings.place())}
	}
	return nil, fmt.Errorf("the queue at %s answers %v", c.settings.place(), values[0])
}

// translated is what a server's error means to a worker.
func (c *connection) translated(refused replyError) error {
	text, place := string(refused), c.settings.place()
	if hasAnyPrefix(text, "LOADING", "MISCONF", "BUSY", "NOREPLICAS", "READONLY", "TRYAGAIN", "MASTERDOWN", "ERR max number of clients") {
		c.close() // a server that has become a replica is left by this
		return unavailableError{fmt.Sprintf("the queue at %s does not answer (%s)", place, text)}
	}
	if hasAnyPrefix(text, "WRONGPASS", "NOAUTH", "NOPERM", "ERR AUTH", "ERR invalid password", "ERR Client sent AUTH",
		"ERR Protocol error: unauthenticated") {
		return fmt.Errorf("the queue at %s refuses the credentials: check REDIS_PASSWORD and REDIS_USERNAME in the worker's environment", place)
	}
	if strings.HasPrefix(text, "OOM") {
		return fmt.Errorf("the queue at %s is out of memory: give its server more, or split the workload", place)
	}
	return fmt.Errorf("the queue at %s refuses a command (%s)", place, text)
}

// call sends one command and reads its answer; an error means that the connection is of no more use.
func (c *connection) call(words []string) (any, error) {
	if c.socket == nil {
		if reply, err := c.connect(); err != nil || reply != nil {
			c.close()
			return reply, err
		}
	}
	reply, err := c.exchange(words)
	if err != nil {
		c.close()
	}
	return reply, err
}

// connect returns the server's error where it refuses the credentials or the database, as if the command had got it.
func (c *connection) connect() (any, error) {
	socket, err := c.settings.dial()
	if err != nil {
		return nil, err
	}
	c.socket, c.source = socket, bufio.NewReaderSize(socket, 16<<10)
	var greetings [][]string
	if c.settings.password != "" {
		greeting := []string{"AUTH", c.settings.password}
		if c.settings.username != "" {
			greeting = []string{"AUTH", c.settings.username, c.settings.password}
		}
		greetings = append(greetings, greeting)
	}
	if c.settings.database != 0 {
		greetings = append(greetings, []string{"SELECT", strconv.Itoa(c.settings.database)})
	}
	for _, greeting := range greetings {
		reply, err := c.exchange(greeting)
		if err != nil || errorText(reply) != "" {
			return reply, err
		}
	}
	return nil, nil
}

func (s *settings) dial() (net.Conn, error) {
	dialer := &net.Dialer{Timeout: connectTimeout}
	if strings.HasPrefix(s.host, "/") {
		return dialer.Dial("unix", s.host)
	}
	address := net.JoinHostPort(s.host, strconv.Itoa(s.port))
	if s.tls {
		return tls.DialWithDialer(dialer, "tcp", address, &tls.Config{ServerName: s.host})
	}
	return dialer.Dial("tcp", address)
}

func (c *connection) exchange(words []string) (any, error) {
	if err := c.socket.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return nil, err
	}
	c.buffer = appendCommand(c.buffer[:0], words)
	if _, err := c.socket.Write(c.buffer); err != nil {
		return nil, err
	}
	if cap(c.buffer) > 1<<20 {
		c.buffer = nil // one large turn need not be paid for ever
	}
	return readReply(c.source)
}

func (c *connection) close() {
	if c.socket != nil {
		c.socket.Close()
		c.socket = nil
	}
}

func errorText(reply any) string {
	refused, _ := reply.(replyError)
	return string(refused)
}

func hasAnyPrefix(text string, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

// isTemporary says whether the same call may succeed later.
func isTemporary(err error) bool {
	var unavailable unavailableError
	return errors.As(err, &unavailable)
}
