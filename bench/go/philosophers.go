package main

import "sync"

type wish struct {
	seat    int
	granted chan int // nil: puts the forks back
}

// philosophers: an arbiter gives both forks or none. Returns the meals of all.
func philosophers(meals int) int {
	const seats = 20
	wishes, counts := make(chan wish), make(chan int)
	go func() {
		var taken [seats]bool
		var hungry [seats]chan int
		eaten := 0
		serve := func(seat int) {
			left, right, granted := seat, (seat+1)%seats, hungry[seat]
			if granted == nil || taken[left] || taken[right] {
				return
			}
			hungry[seat] = nil
			taken[left], taken[right] = true, true
			eaten++
			granted <- seat
		}
		for asked := range wishes {
			if asked.granted != nil {
				hungry[asked.seat] = asked.granted
				serve(asked.seat)
			} else {
				taken[asked.seat], taken[(asked.seat+1)%seats] = false, false
				serve((asked.seat + seats - 1) % seats)
				serve((asked.seat + 1) % seats)
			}
		}
		counts <- eaten
	}()
	var group sync.WaitGroup
	group.Add(seats)
	for seat := range seats {
		go func() {
			granted := make(chan int, 1)
			for range meals / seats {
				wishes <- wish{seat, granted}
				<-granted
				wishes <- wish{seat, nil}
			}
			group.Done()
		}()
	}
	group.Wait()
	close(wishes)
	return <-counts
}
