package main

import (
	"runtime"
	"sync"
)

// doubleselect offers each number to four channels in one select; four goroutines carry what they got on to one
// channel. Returns how many numbers arrived once.
func doubleselect(count int) int {
	a, b, c, d, all := make(chan int), make(chan int), make(chan int), make(chan int), make(chan int)
	go func() {
		for i := range count {
			select {
			case a <- i:
			case b <- i:
			case c <- i:
			case d <- i:
			}
		}
		for _, lane := range []chan int{a, b, c, d} {
			close(lane)
		}
	}()
	var group sync.WaitGroup
	group.Add(4)
	for _, lane := range []chan int{a, b, c, d} {
		go func() {
			for n := range lane {
				all <- n
			}
			group.Done()
		}()
	}
	seen := make([]uint8, count)
	for range count {
		seen[<-all]++
	}
	group.Wait()
	once := 0
	for _, times := range seen {
		if times == 1 {
			once++
		}
	}
	return once
}

// lockedDoubleselect is doubleselect with the receiver's thread locked.
func lockedDoubleselect(count int) int {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return doubleselect(count)
}
