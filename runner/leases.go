package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log"
	"math"
	"strconv"
	"time"
)

const (
	firstWait         = 20 * time.Millisecond
	longestWait       = 500 * time.Millisecond
	longestReconnect  = 5 * time.Second
	stoppingReconnect = 5 * time.Second
)

// What a turn found; the names are the scripts'.
const (
	stateWaiting  = "WAITING"
	stateDraining = "DRAINING"
	stateDrained  = "DRAINED"
)

// outcome is the end of one item that is not plainly done; its place in the lease counts from 1.
type outcome struct {
	place        int
	ending, text string
}

// turn is what one turn brought.
type turn struct {
	settled, state, lease string
	items                 []string
}

// leases is one session with the queue; it holds at most one lease. A turn may be sent as often as the network needs: it is
// numbered, so that only its first arrival counts.
type leases struct {
	settings   *settings
	connection connection
	session    string
	lease      string
	number     int
	stopping   <-chan struct{}
}

func newLeases(settings *settings, stopping <-chan struct{}) *leases {
	token := make([]byte, 6)
	rand.Read(token)
	return &leases{
		settings:   settings,
		connection: connection{settings: settings},
		session:    settings.worker + "/" + hex.EncodeToString(token),
		stopping:   stopping,
	}
}

// work is what a turn settles: the outcomes of named items, how all others end, how long it took.
type work struct {
	outcomes  []outcome
	others    string
	worked    time.Duration
	durations sketch
}

// turn settles the present lease and takes up to `take` items. A server that does not answer is waited for without end, or
// for a little when stopping; a lost run for the time that the settings say.
func (l *leases) turn(work work, take int, share bool) (*turn, error) {
	arguments := l.arguments(work, take, share)
	since, wait := time.Now(), firstWait
	for {
		values, err := l.connection.run(turnScript, arguments...)
		if err == nil {
			return l.note(values)
		}
		patience, waits := l.patience(err)
		if !waits || time.Since(since) > patience {
			return nil, err
		}
		if wait == firstWait {
			log.Printf("waiting for the queue: %v", err)
		}
		time.Sleep(wait)
		wait = min(wait*2, longestReconnect)
	}
}

func (l *leases) patience(err error) (time.Duration, bool) {
	if _, lost := err.(lostError); lost {
		return l.settings.lost, true
	}
	if !isTemporary(err) {
		return 0, false
	}
	if isClosed(l.stopping) {
		return stoppingReconnect, true
	}
	return math.MaxInt64, true
}

func (l *leases) arguments(work work, take int, share bool) []string {
	fair := "0"
	if share {
		fair = "1"
	}
	words := []string{
		l.session,
		strconv.Itoa(l.number + 1),
		l.lease,
		work.others,
		strconv.FormatInt(work.worked.Microseconds(), 10),
		work.durations.text(),
		strconv.Itoa(take),
		fair,
		strconv.FormatInt(l.settings.lease.Milliseconds(), 10),
		l.settings.limits,
	}
	for _, outcome := range work.outcomes {
		words = append(words, strconv.Itoa(outcome.place), outcome.ending, outcome.text)
	}
	return words
}

// note takes over what the script answered: how the old lease was settled, the state, the new lease, its items.
func (l *leases) note(values []any) (*turn, error) {
	if len(values) < 4 {
		return nil, fmt.Errorf("the queue at %s answers a turn with %v", l.settings.place(), values)
	}
	result := &turn{settled: textOf(values[0]), state: textOf(values[1]), lease: textOf(values[2])}
	items, _ := values[3].([]any)
	for _, item := range items {
		result.items = append(result.items, textOf(item))
	}
	l.number++
	l.lease = result.lease
	return result, nil
}

// leave makes the session count no more.
func (l *leases) leave() error {
	_, err := l.connection.run(leaveScript, l.session)
	return err
}

func textOf(value any) string {
	text, _ := value.(string)
	return text
}
