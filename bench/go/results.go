package main

// results starts goroutines that compute for about 200 us each, twenty at a time, and send what they found on one channel.
// Returns the sum of that.
func results(tasks int) int {
	const atOnce = 20
	found := make(chan int, atOnce)
	sum := 0
	for first := 0; first < tasks; first += atOnce {
		for i := range atOnce {
			go func() { found <- int(spin(uint32(first+i), 120_000) & 1023) }()
		}
		for range atOnce {
			sum += <-found
		}
	}
	return sum
}
