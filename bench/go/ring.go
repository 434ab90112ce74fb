package main

import "sync"

// ring: a number goes round a ring of goroutines and is one less after each hop. Returns who held it at 0.
func ring(hops int) int {
	const members = 100
	channels := make([]chan int, members)
	for i := range channels {
		channels[i] = make(chan int)
	}
	ended := make(chan int)
	var group sync.WaitGroup
	group.Add(members)
	for i := range members {
		go func() {
			to := channels[(i+1)%members]
			for hops := range channels[i] {
				if hops == 0 {
					ended <- i
				} else {
					to <- hops - 1
				}
			}
			group.Done()
		}()
	}
	channels[0] <- hops
	last := <-ended
	for _, channel := range channels {
		close(channel)
	}
	group.Wait()
	return last
}
