package main

import "time"

const (
	// Work in one lease: a round trip of well under a millisecond is then nothing, and a killed worker repeats no more.
	batchTarget = 75 * time.Millisecond
	batchGrowth = 2
	batchWeight = 0.5
)

// batch is how many items are leased in one round trip: a fixed number, or as many as take batchTarget by their moving
// average, at most twice as many as before.
type batch struct {
	size     int
	adaptive bool
	mean     float64 // seconds of an item; negative: nothing is known of them
}

// newBatch has no batches with a single attempt: an item that kills its worker would end the whole batch's.
func newBatch(settings *settings) *batch {
	switch {
	case settings.maxAttempts == 1:
		return &batch{size: 1}
	case settings.batch == autoBatch:
		return &batch{size: 1, adaptive: true, mean: -1}
	}
	return &batch{size: settings.batch}
}

// note learns from a lease: the time for so many items.
func (b *batch) note(worked time.Duration, items int) {
	if !b.adaptive || items == 0 {
		return
	}
	mean := worked.Seconds() / float64(items)
	if b.mean >= 0 {
		mean = batchWeight*mean + (1-batchWeight)*b.mean
	}
	b.mean = mean
	fitting := maxBatch
	if target := batchTarget.Seconds(); mean > target/maxBatch {
		fitting = int(target / mean)
	}
	b.size = max(1, min(fitting, b.size*batchGrowth, maxBatch))
}
