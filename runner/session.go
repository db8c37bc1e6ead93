package main

import (
	"log"
	"time"
)

// How an item ends; the names are the scripts'.
const (
	endDone   = "done"
	endResult = "result"
	endFail   = "fail"
	endRetry  = "retry"
	endReturn = "return"
)

// program works on one item and says how it ended, with the JSON that is kept of it.
type program interface {
	run(item string) (ending, text string)
	close()
}

// session leases items, lets the program work on them one after the other and settles them, until there is nothing to do.
type session struct {
	leases   *leases
	hold     *hold
	program  program
	batch    *batch
	stopping <-chan struct{}
	state    string
	items    []string
	worked   work // of the present lease so far
	started  int
	leasedAt time.Time
}

func newSession(settings *settings, hold *hold, program program, stopping <-chan struct{}) *session {
	return &session{
		leases:   newLeases(settings, stopping),
		hold:     hold,
		program:  program,
		batch:    newBatch(settings),
		stopping: stopping,
		worked:   work{others: endDone},
	}
}

// run works until nothing is queued, leased or delayed and none will come, or the run or the program is stopped. Its error
// says that the queue can't be used; what is leased then expires.
func (s *session) run() error {
	defer s.hold.setReadiness(ended)
	defer s.hold.watch("", 0)
	defer s.leases.connection.close()
	defer s.program.close()
	for {
		if err := s.lease(); err != nil {
			return err
		}
		if len(s.items) == 0 {
			break
		}
		for place := 1; place <= len(s.items) && !s.isStopping() && s.hold.start(place); place++ {
			s.workOn(place)
		}
	}
	if err := s.leases.leave(); err != nil {
		log.Printf("the session was not ended well: %v", err)
	}
	return nil
}

func (s *session) workOn(place int) {
	s.started = place
	began := time.Now()
	ending, text := s.program.run(s.items[place-1])
	if ending != endReturn {
		s.worked.durations[bucketOf(time.Since(began))]++
	}
	if ending != endDone {
		s.worked.outcomes = append(s.worked.outcomes, outcome{place, ending, text})
	}
}

// lease settles what was worked on and waits for more; without items afterwards it is time to leave.
func (s *session) lease() error {
	for wait := firstWait; ; wait = min(wait*2, longestWait) {
		if err := s.settle(); err != nil {
			return err
		}
		if len(s.items) > 0 || s.isStopping() || (s.state != stateWaiting && s.state != stateDraining) {
			return nil
		}
		select {
		case <-time.After(wait):
		case <-s.stopping:
		}
	}
}

func (s *session) settle() error {
	work := s.worked
	for place := s.started + 1; place <= len(s.items); place++ {
		work.outcomes = append(work.outcomes, outcome{place, endReturn, ""})
	}
	if len(s.items) > 0 {
		work.worked = time.Since(s.leasedAt)
	}
	s.batch.note(work.worked, s.started)
	take := s.batch.size
	if s.isStopping() {
		take = 0
	}
	turn, err := s.leases.turn(work, take, s.batch.adaptive && take > 1)
	if err != nil {
		return err
	}
	s.note(turn)
	if len(s.items) > 0 && s.isStopping() {
		// Stopped meanwhile, or the reply to an earlier try was lost: nothing of it was started.
		s.worked.others = endReturn
		if turn, err = s.leases.turn(s.worked, 0, false); err != nil {
			return err
		}
		s.note(turn)
	}
	return nil
}

func (s *session) note(turn *turn) {
	if turn.settled == "EXPIRED" {
		log.Printf("the lease of %d items (first: %.200q) expired before they were acknowledged; other workers have them",
			len(s.items), s.items[0])
	}
	switch isDraining, wasDraining := turn.state == stateDraining, s.state == stateDraining; {
	case isDraining && !wasDraining:
		log.Print("asked to lease no more for now")
		s.hold.setReadiness(draining)
	case wasDraining && !isDraining:
		log.Print("leasing again")
		s.hold.setReadiness(active)
	}
	s.items, s.state, s.started, s.leasedAt = turn.items, turn.state, 0, time.Now()
	s.worked = work{others: endDone, durations: sketch{}}
	s.hold.watch(turn.lease, len(turn.items))
}

func (s *session) isStopping() bool { return isClosed(s.stopping) }
