package main

import (
	"context"
	"log"
	"net"
	"strconv"
	"syscall"
)

// soReusePort is SO_REUSEPORT, which the syscall package does not name on every architecture.
const soReusePort = 15

// readiness is the port that the pod's readiness probe connects to: open while the worker takes items. Several processes
// of a pod may share it, so that it is closed only when each of them has closed it. A nil readiness has no port.
type readiness struct {
	host       string
	port       int
	listener   net.Listener
	complained bool
}

// set opens or closes the port; one that can't be opened is tried again at the next call.
func (r *readiness) set(ready bool) {
	switch {
	case r == nil || ready == (r.listener != nil):
	case !ready:
		r.listener.Close()
		r.listener = nil
	default:
		listener, err := r.listen()
		if err != nil {
			if !r.complained {
				log.Printf("can't listen on %s:%d for the readiness probe: %v", r.host, r.port, err)
			}
			r.complained = true
			return
		}
		r.listener = listener
		go answer(listener)
	}
}

func (r *readiness) listen() (net.Listener, error) {
	shared := func(_, _ string, socket syscall.RawConn) error {
		var failure error
		err := socket.Control(func(descriptor uintptr) {
			failure = syscall.SetsockoptInt(int(descriptor), syscall.SOL_SOCKET, soReusePort, 1)
		})
		if err != nil {
			return err
		}
		return failure
	}
	config := net.ListenConfig{Control: shared}
	return config.Listen(context.Background(), "tcp", net.JoinHostPort(r.host, strconv.Itoa(r.port)))
}

// answer accepts probes and closes them, until the listener is closed.
func answer(listener net.Listener) {
	for {
		probe, err := listener.Accept()
		if err != nil {
			return
		}
		probe.Close()
	}
}
