package main

import (
	"log"
	"strconv"
	"sync"
	"time"
)

const (
	renewalsPerLease = 3
	longestLook      = 250 * time.Millisecond
	// How long an item runs before what waits behind it in its lease is given back; batches are made of far shorter ones.
	patience = 500 * time.Millisecond
)

// keeper renews the leases of all sessions, gives back what waits behind a long item, and keeps the readiness port, on a
// connection of its own. A goroutine does for it what takes the Python library a process: no foreign code runs in this
// program that could stop it.
type keeper struct {
	settings   *settings
	connection connection
	holds      []*hold
	ready      *readiness
	renewedAt  time.Time
	stop, done chan struct{}
}

func newKeeper(settings *settings, sessions int) *keeper {
	result := &keeper{
		settings:   settings,
		connection: connection{settings: settings},
		holds:      make([]*hold, sessions),
		renewedAt:  time.Now(),
		stop:       make(chan struct{}),
		done:       make(chan struct{}),
	}
	for index := range result.holds {
		result.holds[index] = &hold{}
	}
	if settings.readyPort != 0 {
		result.ready = &readiness{host: settings.readyHost, port: settings.readyPort}
	}
	return result
}

func (k *keeper) run() {
	defer close(k.done)
	interval := k.settings.lease / renewalsPerLease
	ticker := time.NewTicker(min(longestLook, interval/2))
	defer ticker.Stop()
	for {
		k.setReadiness()
		for _, hold := range k.holds {
			k.giveBack(hold)
		}
		if time.Since(k.renewedAt) >= interval {
			k.renewedAt = time.Now()
			k.renew()
		}
		select {
		case <-ticker.C:
		case <-k.stop:
			k.connection.close()
			k.ready.set(false)
			return
		}
	}
}

// close ends the keeper and waits for that.
func (k *keeper) close() {
	close(k.stop)
	<-k.done
}

// setReadiness closes the port when each session that has not ended drains.
func (k *keeper) setReadiness() {
	states := map[readyState]int{}
	for _, hold := range k.holds {
		states[hold.readiness()]++
	}
	k.ready.set(states[active] > 0 || states[draining] == 0)
}

func (k *keeper) renew() {
	milliseconds := strconv.FormatInt(k.settings.lease.Milliseconds(), 10)
	for _, hold := range k.holds {
		if lease := hold.name(); lease != "" {
			if _, err := k.connection.run(renewScript, lease, milliseconds); err != nil {
				log.Printf("a lease was not renewed, trying again: %v", err)
			}
		}
	}
}

func (k *keeper) giveBack(hold *hold) {
	lease, keep := hold.stop()
	if lease == "" {
		return
	}
	if _, err := k.connection.run(unstartScript, lease, strconv.Itoa(keep)); err != nil {
		log.Printf("items were not given back, trying again: %v", err)
		return
	}
	hold.gaveBack(lease)
}

// hold is what a session and the keeper tell each other of the session's lease.
type hold struct {
	mutex    sync.Mutex
	lease    string
	items    int
	started  int
	since    time.Time
	kept     int // nothing after this place may be started any more; 0: everything may
	returned bool
	state    readyState
}

// readyState is a session's part in the readiness of its pod.
type readyState int

const (
	active readyState = iota
	draining
	ended
)

// watch names the lease to keep from now on, with its number of items; empty: none.
func (h *hold) watch(lease string, items int) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.lease, h.items, h.started, h.kept, h.returned = lease, items, 0, 0, false
}

// start says that the item at this place is to be started; false: it was given back and must not be.
func (h *hold) start(place int) bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.started, h.since = place, time.Now()
	return h.kept == 0 || place <= h.kept
}

// stop returns the lease whose later items are to be given back, and how many it keeps: none of those is started from
// then on.
func (h *hold) stop() (lease string, keep int) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	waiting := h.started > 0 && h.started < h.items && !h.returned
	if !waiting || time.Since(h.since) < patience {
		return "", 0
	}
	if h.kept == 0 {
		h.kept = h.started
	}
	return h.lease, h.kept
}

// gaveBack says that the items of this lease are with the server again.
func (h *hold) gaveBack(lease string) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.lease == lease {
		h.returned = true
	}
}

func (h *hold) name() string {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.lease
}

func (h *hold) setReadiness(state readyState) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.state = state
}

func (h *hold) readiness() readyState {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.state
}
