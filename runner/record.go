package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds of what is kept of an item, the same as the client library's.
const (
	maxResultBytes       = 16_384
	maxMessageCharacters = 500
	maxTailCharacters    = 1500
)

// errorRecord is what is kept of an error, as JSON.
func errorRecord(kind, message string, worked time.Duration, tail string) string {
	text := append([]byte(nil), `{"type": `...)
	text = appendJSON(text, kind)
	text = append(text, `, "message": `...)
	text = appendJSON(text, firstCharacters(message, maxMessageCharacters))
	text = append(text, `, "seconds": `...)
	text = strconv.AppendFloat(text, math.Round(worked.Seconds()*1000)/1000, 'f', -1, 64)
	text = append(text, `, "traceback": `...)
	text = appendJSON(text, lastCharacters(tail, maxTailCharacters))
	return string(append(text, '}'))
}

// resultRecord is the item and its result, as JSON; its error says that the result is too large.
func resultRecord(item, result string) (string, error) {
	text := appendJSON([]byte{'['}, item)
	text = appendJSON(append(text, ','), result)
	text = append(text, ']')
	if len(text) > maxResultBytes {
		return "", fmt.Errorf("the result of %.200q has %d bytes, at most %d are kept: store it elsewhere and return where",
			item, len(text), maxResultBytes)
	}
	return string(text), nil
}

// appendJSON appends a JSON string in ASCII. A byte that is not UTF-8 becomes the lone surrogate that Python makes of it,
// so that the item is recognised by whoever reads the record.
func appendJSON(text []byte, value string) []byte {
	text = append(text, '"')
	for at, width := 0, 0; at < len(value); at += width {
		var letter rune
		letter, width = utf8.DecodeRuneInString(value[at:])
		switch {
		case letter == utf8.RuneError && width == 1:
			text = fmt.Appendf(text, `\u%04x`, 0xdc00+int(value[at]))
		case letter == '"' || letter == '\\':
			text = append(text, '\\', byte(letter))
		case letter >= ' ' && letter < 0x7f:
			text = append(text, byte(letter))
		case letter > 0xffff:
			text = fmt.Appendf(text, `\u%04x\u%04x`, 0xd800+(letter-0x10000)>>10, 0xdc00+(letter-0x10000)&0x3ff)
		default:
			text = fmt.Appendf(text, `\u%04x`, letter)
		}
	}
	return append(text, '"')
}

func firstCharacters(text string, most int) string {
	for at := range text {
		if most == 0 {
			return text[:at]
		}
		most--
	}
	return text
}

func lastCharacters(text string, most int) string {
	at := len(text)
	for ; at > 0 && most > 0; most-- {
		_, width := utf8.DecodeLastRuneInString(text[:at])
		at -= width
	}
	return text[at:]
}

// lastLine is the last line of an output, by the line ends that Python's str.splitlines knows.
func lastLine(text string) string {
	const ends = "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029"
	if trimmed, found := strings.CutSuffix(text, "\r\n"); found {
		text = trimmed
	} else if letter, width := utf8.DecodeLastRuneInString(text); strings.ContainsRune(ends, letter) {
		text = text[:len(text)-width]
	}
	if at := strings.LastIndexAny(text, ends); at >= 0 {
		_, width := utf8.DecodeRuneInString(text[at:])
		return text[at+width:]
	}
	return text
}
