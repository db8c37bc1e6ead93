package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Limits of what is taken for an answer of a Redis-compatible server; more is a broken stream.
const (
	maxBulkBytes = 512 << 20
	maxElements  = 1 << 20
	maxDepth     = 8
)

// replyError is an error that the server answered with; it leaves the connection usable.
type replyError string

func (e replyError) Error() string { return string(e) }

var errProtocol = errors.New("the answer is not of a Redis server")

// appendCommand appends a command in the server's protocol (RESP 2).
func appendCommand(buffer []byte, words []string) []byte {
	buffer = append(buffer, '*')
	buffer = strconv.AppendInt(buffer, int64(len(words)), 10)
	buffer = append(buffer, "\r\n"...)
	for _, word := range words {
		buffer = append(buffer, '$')
		buffer = strconv.AppendInt(buffer, int64(len(word)), 10)
		buffer = append(buffer, "\r\n"...)
		buffer = append(buffer, word...)
		buffer = append(buffer, "\r\n"...)
	}
	return buffer
}

// readReply reads one answer: string, int64, []any, nil or replyError (also inside a []any).
func readReply(source *bufio.Reader) (any, error) {
	return readNested(source, 0)
}

func readNested(source *bufio.Reader, depth int) (any, error) {
	line, err := readLine(source)
	if err != nil {
		return nil, err
	}
	kind, text := line[0], line[1:]
	switch kind {
	case '+':
		return text, nil
	case '-':
		return replyError(text), nil
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: %.40q", errProtocol, line)
	}
	switch {
	case kind == ':':
		return number, nil
	case (kind == '$' || kind == '*') && number == -1:
		return nil, nil
	case kind == '$' && number >= 0 && number <= maxBulkBytes:
		return readBulk(source, int(number))
	case kind == '*' && number >= 0 && number <= maxElements && depth < maxDepth:
		values := make([]any, 0, min(number, 1024))
		for range number {
			value, err := readNested(source, depth+1)
			if err != nil {
				return nil, err
			}
			values = append(values, value)
		}
		return values, nil
	}
	return nil, fmt.Errorf("%w: %.40q", errProtocol, line)
}

// readLine reads a line without its end; it holds at least the kind.
func readLine(source *bufio.Reader) (string, error) {
	line, err := source.ReadString('\n')
	if err != nil {
		return "", err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return "", fmt.Errorf("%w: %.40q", errProtocol, line)
	}
	return line[:len(line)-2], nil
}

func readBulk(source *bufio.Reader, length int) (string, error) {
	data := make([]byte, length+2)
	if _, err := io.ReadFull(source, data); err != nil {
		return "", err
	}
	if data[length] != '\r' || data[length+1] != '\n' {
		return "", errProtocol
	}
	return string(data[:length]), nil
}
