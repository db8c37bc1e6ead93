package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// The texts are what Python's json.dumps gives for what it reads with surrogateescape.
func TestTextIsWrittenAsPythonDoes(t *testing.T) {
	cases := map[string]string{
		"plain":          `"plain"`,
		`"\/`:            `"\"\\/"`,
		"\x00\n\x7f":     `"\u0000\u000a\u007f"`,
		"é☃":             `"\u00e9\u2603"`,
		"𝄞":              `"\ud834\udd1e"`,
		"caf\xe9":        `"caf\udce9"`,
		"\xe2\x82":       `"\udce2\udc82"`,
		"\uFFFD <&>":     `"\ufffd <&>"`,
		"\xed\xa0\x80ok": `"\udced\udca0\udc80ok"`,
	}
	for value, want := range cases {
		if got := string(appendJSON(nil, value)); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

func TestErrorRecordsAreBounded(t *testing.T) {
	var record struct {
		Type, Message, Traceback string
		Seconds                  float64
	}
	text := errorRecord("Error", strings.Repeat("é", 600), 1234567*time.Microsecond, strings.Repeat("☃", 2000)+"end")
	if err := json.Unmarshal([]byte(text), &record); err != nil {
		t.Fatal(err)
	}
	if record.Type != "Error" || record.Seconds != 1.235 || record.Message != strings.Repeat("é", 500) {
		t.Errorf("got %s", text)
	}
	if record.Traceback != strings.Repeat("☃", 1497)+"end" {
		t.Errorf("the tail is %q", record.Traceback)
	}
}

func TestResultsAreBounded(t *testing.T) {
	if text, err := resultRecord("a", strings.Repeat("x", 16_384-8)); err != nil || len(text) != 16_384 {
		t.Errorf("got %d bytes (%v)", len(text), err)
	}
	if _, err := resultRecord("a", strings.Repeat("x", 16_384-7)); err == nil {
		t.Error("a larger one is no error")
	}
}

func TestLastLine(t *testing.T) {
	cases := map[string]string{
		"": "", "\n": "", "a": "a", "a\n": "a", "a\nb": "b", "a\r\nb\r\n": "b", "a\n\n": "", "a\vb": "b", "a\u2028b\u2028": "b",
	}
	for text, want := range cases {
		if got := lastLine(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// The buckets are those that kubejobs.durations.bucket_of gives.
func TestBuckets(t *testing.T) {
	cases := map[time.Duration]int{
		0:                       -144,
		time.Microsecond:        -144,
		100 * time.Microsecond:  -96,
		time.Millisecond:        -72,
		50 * time.Millisecond:   -31,
		time.Second:             0,
		1100 * time.Millisecond: 1,
		time.Minute:             43,
		24 * time.Hour:          120,
		250 * 24 * time.Hour:    170,
	}
	for duration, want := range cases {
		if got := bucketOf(duration); got != want {
			t.Errorf("%v: got %d, want %d", duration, got, want)
		}
	}
}

func TestBatchesFollowTheDurations(t *testing.T) {
	sizes := func(settings *settings, each time.Duration) (sizes []int) {
		batch := newBatch(settings)
		for range 12 {
			sizes = append(sizes, batch.size)
			batch.note(each*time.Duration(batch.size), batch.size)
		}
		return sizes
	}
	if got := sizes(&settings{maxAttempts: 3}, time.Microsecond); got[0] != 1 || got[1] != 2 || got[11] != maxBatch {
		t.Errorf("short items: %v", got)
	}
	if got := sizes(&settings{maxAttempts: 3}, 10*time.Millisecond); got[11] != 7 {
		t.Errorf("items of 10 ms: %v", got)
	}
	if got := sizes(&settings{maxAttempts: 3}, time.Second); got[11] != 1 {
		t.Errorf("long items: %v", got)
	}
	if got := sizes(&settings{maxAttempts: 1, batch: 100}, time.Microsecond); got[11] != 1 {
		t.Errorf("a single attempt: %v", got)
	}
	if got := sizes(&settings{maxAttempts: 3, batch: 100}, time.Second); got[11] != 100 {
		t.Errorf("a fixed number: %v", got)
	}
}
