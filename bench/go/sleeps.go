package main

import "time"

// sleeps: goroutines that sleep once each, for times spread evenly over two seconds. Their mean lateness in ms is what is
// measured; returns how many woke.
func sleeps(tasks int) int {
	const spread = 2 * time.Second
	late := make(chan time.Duration, tasks)
	for i := range tasks {
		go func() {
			length := spread * time.Duration(i*7919%tasks) / time.Duration(tasks)
			due := time.Now().Add(length)
			time.Sleep(length)
			late <- time.Since(due)
		}()
	}
	var sum time.Duration
	for range tasks {
		sum += <-late
	}
	lateness = float64(sum.Nanoseconds()) / 1e6 / float64(tasks)
	return tasks
}
