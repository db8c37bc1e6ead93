package main

import (
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	copyBytes = 16 << 10
	// How long the end of an output is waited for, where a process that has left the command's group still holds it.
	tailPatience = time.Second
)

// tail copies a stream and keeps its end, in flat memory.
type tail struct {
	ended chan struct{}
	mutex sync.Mutex
	data  []byte
}

// newTail copies source to target from now on, and closes source at its end.
func newTail(source, target *os.File, keep int) *tail {
	result := &tail{ended: make(chan struct{})}
	go func() {
		defer close(result.ended)
		defer source.Close()
		buffer := make([]byte, copyBytes)
		for {
			count, err := source.Read(buffer)
			target.Write(buffer[:count])
			result.add(buffer[:count], keep)
			if err != nil {
				return
			}
		}
	}()
	return result
}

func (t *tail) add(data []byte, keep int) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.data = append(t.data, data...)
	t.data = t.data[max(0, len(t.data)-keep):]
}

// forget keeps only what comes from now on.
func (t *tail) forget() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.data = t.data[:0]
}

// text is what was kept; it waits a little for the stream's end.
func (t *tail) text() string {
	select {
	case <-t.ended:
	case <-time.After(tailPatience):
	}
	return t.now()
}

// now is what was kept so far.
func (t *tail) now() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return strings.ToValidUTF8(string(t.data), "\uFFFD")
}

// readAtOnce reads what is there; without anything its error is EAGAIN, at the end there is neither.
func readAtOnce(source *os.File) (string, error) {
	descriptor, err := source.SyscallConn()
	if err != nil {
		return "", err
	}
	buffer := make([]byte, copyBytes)
	var count int
	var failure error
	err = descriptor.Read(func(number uintptr) bool {
		count, failure = syscall.Read(int(number), buffer)
		return true // never wait
	})
	return string(buffer[:max(count, 0)]), errors.Join(err, failure)
}
