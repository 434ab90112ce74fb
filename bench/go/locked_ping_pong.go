package main

import "runtime"

// lockedPingPong: two goroutines, each with a locked thread, pass a number to and fro.
func lockedPingPong(rounds int) int {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	there, back := make(chan int), make(chan int)
	go func() {
		runtime.LockOSThread()
		for range rounds {
			back <- <-there + 1
		}
	}()
	n := 0
	for range rounds {
		there <- n
		n = <-back
	}
	return n
}
