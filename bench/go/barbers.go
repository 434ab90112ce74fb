package main

import (
	"runtime"
	"sync"
)

// barbers: customers who find no free chair come again later. Returns the cuts that the barbers counted.
func barbers(customers int) int {
	const places, workers = 100, 4
	chairs, counts := make(chan chan int, places), make(chan int)
	for range workers {
		go func() {
			cuts := 0
			for customer := range chairs {
				customer <- int(spin(uint32(cuts), 300))
				cuts++
			}
			counts <- cuts
		}()
	}
	var group sync.WaitGroup
	group.Add(customers)
	for range customers {
		go func() {
			done := make(chan int, 1)
			for !sits(chairs, done) {
				runtime.Gosched()
			}
			<-done
			group.Done()
		}()
	}
	group.Wait()
	close(chairs)
	sum := 0
	for range workers {
		sum += <-counts
	}
	return sum
}

func sits(chairs chan chan int, customer chan int) bool {
	select {
	case chairs <- customer:
		return true
	default:
		return false
	}
}
