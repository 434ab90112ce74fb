package main

import (
	"runtime"
	"sync/atomic"
)

// yields: goroutines that each yield a hundred times. Returns all their yields.
func yields(tasks int) int {
	var sum atomic.Int64
	ended := make(chan struct{}, tasks)
	for range tasks {
		go func() {
			for range 100 {
				runtime.Gosched()
			}
			sum.Add(100)
			ended <- struct{}{}
		}()
	}
	for range tasks {
		<-ended
	}
	return int(sum.Load())
}
