package main

import (
	"math"
	"strconv"
	"time"
)

// The buckets of how long items take: kubejobs/durations.py has them and their source (DDSketch, PVLDB 12(12), 2019).
const (
	growth          = 1.1
	shortestSeconds = 1e-6
	longestSeconds  = 1e7
)

// bucketOf is the bucket i of a duration: growth**(i-1) < seconds <= growth**i.
func bucketOf(duration time.Duration) int {
	seconds := min(max(duration.Seconds(), shortestSeconds), longestSeconds)
	return int(math.Ceil(math.Log(seconds) / math.Log(growth)))
}

// sketch counts durations by their bucket.
type sketch map[int]int

// text is what a turn tells: "bucket:count" for each, separated by blanks.
func (s sketch) text() string {
	var text []byte
	for bucket, count := range s {
		if len(text) > 0 {
			text = append(text, ' ')
		}
		text = strconv.AppendInt(text, int64(bucket), 10)
		text = append(text, ':')
		text = strconv.AppendInt(text, int64(count), 10)
	}
	return string(text)
}
