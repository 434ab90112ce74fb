package main

import "sync"

// forkJoin starts goroutines that do next to nothing, all at once, and waits for them.
func forkJoin(children int) int {
	return sumOf(children, func(i int) int { return i })
}

// forkJoinWork is forkJoin with goroutines that compute for about 10 us each.
func forkJoinWork(children int) int {
	return sumOf(children, func(i int) int { return int(spin(uint32(i), 6_000) & 1023) })
}

func sumOf(children int, child func(i int) int) int {
	answers := make([]int, children)
	var group sync.WaitGroup
	group.Add(children)
	for i := range children {
		go func() {
			answers[i] = child(i)
			group.Done()
		}()
	}
	group.Wait()
	sum := 0
	for _, answer := range answers {
		sum += answer
	}
	return sum
}
